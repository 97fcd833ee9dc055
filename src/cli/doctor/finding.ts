import type { Host } from "./host.ts";

/** `skip`: nobody can tell here, or only root. */
export type Status = "ok" | "warn" | "fail" | "skip";

/** What a check has found. */
export interface Finding {
  /** `network.forwarding`: does not change, for scripts. */
  readonly id: string;
  readonly status: Status;
  /** What is so. */
  readonly text: string;
  /** What comes of it; for what is not well. */
  readonly why?: string;
  /** Commands to type, or lines to write, one each; comments begin with `#`. */
  readonly mend?: readonly string[];
}

export type Findings = Finding | readonly Finding[] | undefined;

/** Looks at one thing; nothing where there is nothing to say of it on this machine. */
export type Check = (host: Host) => Findings | Promise<Findings>;

export const ok = (id: string, text: string): Finding => ({ id, status: "ok", text });
export const skip = (id: string, text: string): Finding => ({ id, status: "skip", text });

export function warn(id: string, text: string, why: string, ...mend: string[]): Finding {
  return { id, status: "warn", text, why, mend };
}

export function fail(id: string, text: string, why: string, ...mend: string[]): Finding {
  return { id, status: "fail", text, why, mend };
}

/** The command of this machine's distribution that installs a package; names differ between some of them. */
export function install(
  host: Host,
  names: { apt: string; dnf?: string; apk?: string; pacman?: string },
): string {
  const { apt, dnf = apt, apk = apt, pacman = apt } = names;
  if (host.find("apt-get") !== undefined) return `apt-get install ${apt}`;
  if (host.find("dnf") !== undefined) return `dnf install ${dnf}`;
  if (host.find("apk") !== undefined) return `apk add ${apk}`;
  if (host.find("pacman") !== undefined) return `pacman -S ${pacman}`;
  if (host.find("zypper") !== undefined) return `zypper install ${dnf}`;
  return `# install ${apt} with the distribution's own tool`;
}
