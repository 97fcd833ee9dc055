/** What a token is to allow (distribution's "Token Scope Documentation"). */
export type Scope = string;

export const pullScope = (path: string): Scope => `repository:${path}:pull`;
export const pushScope = (path: string): Scope => `repository:${path}:pull,push`;
