export type ContainerId = string & { readonly __brand: "ContainerId" };
export type ExecId = string & { readonly __brand: "ExecId" };

/** 64 lower-case hex digits, as Docker gives containers, execs, networks and anonymous volumes. */
export function newId(): string {
  return crypto.getRandomValues(new Uint8Array(32)).toHex();
}

/** The first 12 digits, which is what people see and type. */
export function shortId(id: string): string {
  return id.slice(0, 12);
}
