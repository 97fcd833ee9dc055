import type { Platform } from "./manifest.ts";

/** Architectures by other names (containerd's platforms package). */
const ALIASES: Readonly<Record<string, readonly [architecture: string, variant: string]>> = {
  x86_64: ["amd64", ""],
  "x86-64": ["amd64", ""],
  aarch64: ["arm64", ""],
  i386: ["386", ""],
  i686: ["386", ""],
  armhf: ["arm", "v7"],
  armel: ["arm", "v6"],
};

/** The same platform in its one spelling: arm64 is v8, and arm v7, where nothing else is said. */
export function normalize({ os, architecture, variant = "" }: Platform): Required<Platform> {
  const [name, implied] = ALIASES[architecture.toLowerCase()] ?? [architecture.toLowerCase(), ""];
  let version = (variant || implied).toLowerCase();
  if (/^\d/.test(version)) version = `v${version}`;
  if (name === "arm" && version === "") version = "v7";
  if (name === "arm64" && version === "v8") version = "";
  if (name === "amd64" && version === "v1") version = "";
  return { os: os.toLowerCase(), architecture: name, variant: version };
}

/**
 * What runs on a platform, the best first: a processor also runs what was made for its predecessors, and a 64-bit one
 * what was made for 32 bits (containerd's `platforms.Only`).
 */
export function platformsThatRunOn(platform: Platform): Required<Platform>[] {
  const wanted = normalize(platform);
  const { os, architecture, variant } = wanted;
  const of = (name: string, versions: readonly string[]) =>
    versions.map((version) => normalize({ os, architecture: name, variant: version }));
  const level = Number(/^v(\d+)$/.exec(variant)?.[1] ?? Number.NaN);
  const downTo = (from: number, to: number) =>
    Array.from({ length: Math.max(0, Math.min(from, 9) - to + 1) }, (_, i) => `v${from - i}`);
  if (architecture === "amd64" && variant === "") return [wanted, ...of("386", [""])];
  if (architecture === "amd64" && level > 1) return [...of("amd64", downTo(level, 1)), ...of("386", [""])];
  if (architecture === "arm" && level > 5) return of("arm", downTo(level, 5));
  if (architecture === "arm64" && (variant === "" || level >= 8)) {
    return [
      ...(level > 8 ? of("arm64", downTo(level, 9)) : []),
      ...of("arm64", ["v8"]),
      ...of("arm", downTo(8, 5)),
    ];
  }
  return [wanted];
}

/** How well something runs: 0 is best; undefined: not at all. */
export function rankOn(runsOn: readonly Required<Platform>[], candidate: Platform): number | undefined {
  const { os, architecture, variant } = normalize(candidate);
  const rank = runsOn.findIndex(
    (fitting) => fitting.os === os && fitting.architecture === architecture && fitting.variant === variant,
  );
  return rank < 0 ? undefined : rank;
}

export function platformText({ os, architecture, variant }: Platform): string {
  return [os, architecture, variant].filter(Boolean).join("/");
}
