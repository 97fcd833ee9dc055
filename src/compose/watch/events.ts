/** What a watch tells of itself. */
export interface WatchEvent {
  readonly kind:
    | "enabled"
    | "disabled"
    | "syncing"
    | "synced"
    | "rebuilding"
    | "rebuilt"
    | "restarted"
    | "executed"
    | "failed";
  /** The services that it is about. */
  readonly services: readonly string[];
  /** In Docker Compose's words: `Syncing service "web" after 2 changes were detected`. */
  readonly text: string;
  /** The paths of this machine that have changed. */
  readonly paths?: readonly string[];
}

/** `["a" "b"]`, as Go prints a list. */
export const quotedList = (names: readonly string[]): string =>
  `[${names.map((name) => JSON.stringify(name)).join(" ")}]`;
