/** Docker's search path for images that set none. */
export const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export interface EnvironmentWishes {
  readonly hostname: string;
  readonly tty: boolean;
  /** `NAME=value`; a bare `NAME` takes a default away. Later ones win. */
  readonly env: readonly string[] | null | undefined;
}

/** What a process finds in its environment: Docker's defaults, then what image and user said. HOME is the runtime's to add. */
export function processEnvironment(wishes: EnvironmentWishes): string[] {
  const defaults = [`PATH=${DEFAULT_PATH}`, `HOSTNAME=${wishes.hostname}`];
  if (wishes.tty) defaults.push("TERM=xterm");
  return mergeEnvironment(defaults, wishes.env ?? []);
}

/** `over` replaces entries of `base` in their place and adds the others behind. */
export function mergeEnvironment(base: readonly string[], over: readonly string[]): string[] {
  const merged = new Map<string, string>(base.map((entry) => [nameOf(entry), entry]));
  for (const entry of over) {
    if (entry.includes("=")) merged.set(nameOf(entry), entry);
    else merged.delete(entry);
  }
  return [...merged.values()];
}

function nameOf(entry: string): string {
  const equals = entry.indexOf("=");
  return equals < 0 ? entry : entry.slice(0, equals);
}
