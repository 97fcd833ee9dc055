/** Whether what an engine says of itself, with each answer, is what ours says. */
export const isBerth = ({ server }: { readonly server: string }): boolean => /^berth\//i.test(server);
