import { PROPAGATIONS } from "../../linux/index.ts";

/** What may follow the second colon of `-v source:destination:mode`. */
export interface MountMode {
  readonly readOnly: boolean;
  /** Absent where the mode names none. */
  readonly propagation?: string;
  /** Absent where the mode does not say. */
  readonly noCopy?: boolean;
}

export const DEFAULT_PROPAGATION = "rprivate";

/**
 * Words by what they speak of; a mode has at most one word of each. Labels and consistency mean nothing
 * without SELinux and on Linux.
 */
const WORDS: Readonly<Record<string, readonly string[]>> = {
  access: ["rw", "ro"],
  label: ["z", "Z"],
  propagation: PROPAGATIONS,
  copy: ["nocopy"],
  consistency: ["consistent", "cached", "delegated", "default"],
};

/** `undefined` for what is no mode at all. */
export function parseMode(text: string): MountMode | undefined {
  const chosen = new Map<string, string>();
  for (const word of text === "" ? [] : text.split(",")) {
    const plain = word === "volume-nocopy" ? "nocopy" : word;
    const subject = Object.keys(WORDS).find((each) => WORDS[each]!.includes(plain));
    if (subject === undefined || chosen.has(subject)) return undefined;
    chosen.set(subject, plain);
  }
  const propagation = chosen.get("propagation");
  return {
    readOnly: chosen.get("access") === "ro",
    ...(propagation === undefined ? {} : { propagation }),
    ...(chosen.has("copy") ? { noCopy: true } : {}),
  };
}
