/** What gives a call up: a signal, or options that hold one. */
export type Cancel = AbortSignal | { readonly signal?: AbortSignal | undefined } | undefined;

export function signalOf(cancel: Cancel): AbortSignal | undefined {
  return cancel === undefined || "aborted" in cancel ? cancel : cancel.signal;
}
