import { invalidParameter } from "../../lib/index.ts";
import type { OciCapabilities } from "./oci.ts";

/** Docker's default set: what an ordinary service needs to start as root and give its rights away. */
export const DEFAULT_CAPABILITIES: readonly string[] = [
  "CAP_CHOWN",
  "CAP_DAC_OVERRIDE",
  "CAP_FSETID",
  "CAP_FOWNER",
  "CAP_MKNOD",
  "CAP_NET_RAW",
  "CAP_SETGID",
  "CAP_SETUID",
  "CAP_SETFCAP",
  "CAP_SETPCAP",
  "CAP_NET_BIND_SERVICE",
  "CAP_SYS_CHROOT",
  "CAP_KILL",
  "CAP_AUDIT_WRITE",
];

export interface CapabilityWishes {
  readonly add?: readonly string[] | null;
  readonly drop?: readonly string[] | null;
  readonly privileged?: boolean;
}

export interface KnownCapabilities {
  /** Every name of the kernel headers. */
  readonly names: readonly string[];
  /** Those that this daemon has itself, and so can give. */
  readonly available: ReadonlySet<string>;
}

/**
 * `--cap-add` and `--cap-drop`, as Docker understands them: names in any case, with or without `CAP_`, and `ALL`.
 * Of the default set, what this daemon lacks itself is left out, since the runtime could not grant it.
 * @throws InvalidParameter for names that nobody knows or this host cannot give
 */
export function resolveCapabilities(wishes: CapabilityWishes, known: KnownCapabilities): string[] {
  const all = known.names.filter((name) => known.available.has(name));
  if (wishes.privileged) return all;
  const add = normalizeCapabilities(wishes.add ?? [], known);
  const drop = normalizeCapabilities(wishes.drop ?? [], known);
  if (add.includes("ALL")) return all.filter((name) => !drop.includes(name));
  const kept = drop.includes("ALL") ? [] : DEFAULT_CAPABILITIES.filter((name) => !drop.includes(name));
  return [...new Set([...kept.filter((name) => known.available.has(name)), ...add])];
}

/** @throws InvalidParameter `unknown capability: "CAP_X"` */
export function normalizeCapabilities(names: readonly string[], known: KnownCapabilities): string[] {
  return names.map((given) => {
    const upper = given.toUpperCase();
    if (upper === "ALL") return upper;
    const name = upper.startsWith("CAP_") ? upper : `CAP_${upper}`;
    if (!known.names.includes(name)) throw invalidParameter(`unknown capability: ${JSON.stringify(name)}`);
    if (!known.available.has(name)) {
      throw invalidParameter(
        `capability not supported by your kernel or not available in the current environment: ${JSON.stringify(name)}`,
      );
    }
    return name;
  });
}

/** A process that is not root keeps the bounding set only, as the kernel would make it on execve. */
export function processCapabilities(names: readonly string[]): OciCapabilities {
  return {
    bounding: [...names],
    effective: [...names],
    inheritable: [],
    permitted: [...names],
    ambient: [],
  };
}
