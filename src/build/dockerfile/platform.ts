import { invalidParameter } from "../../lib/index.ts";

/** What a program runs on, in Go's words. */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  /** `v7`; empty where there is only one. */
  readonly variant: string;
  readonly osVersion: string;
}

const SYSTEMS = new Set([
  ...["aix", "android", "darwin", "dragonfly", "freebsd", "hurd", "illumos", "ios", "js", "linux", "nacl"],
  ...["netbsd", "openbsd", "plan9", "solaris", "wasip1", "windows", "zos"],
]);
const ARCHITECTURES = new Set([
  ...["386", "amd64", "arm", "arm64", "loong64", "mips", "mips64", "mips64le", "mipsle", "ppc64", "ppc64le"],
  ...["riscv", "riscv64", "s390x", "wasm"],
]);
const COMPONENT = /^[A-Za-z0-9_.-]+$/;
const SYSTEM = /^([A-Za-z0-9_.-]+)(?:\(([A-Za-z0-9_.-]*)\))?$/;

/**
 * `linux/arm64`, `linux/arm/v7`, `windows(10.0.17763)/amd64`, and one of both alone, the other being the machine's
 * (containerd's `platforms.Parse`).
 * @throws InvalidParameter
 */
export function parsePlatform(text: string, machine: Platform): Platform {
  const invalid = (reason: string) =>
    invalidParameter(`${JSON.stringify(text)}: ${reason}: invalid argument`);
  if (text.length > 256 || text.includes("*")) throw invalid("wildcards not yet supported");
  const [first = "", second, third, ...more] = text.split("/");
  const system = SYSTEM.exec(first);
  const rest = [second, third].filter((part) => part !== undefined);
  if (system === null || more.length > 0 || !rest.every((part) => COMPONENT.test(part))) {
    throw invalid("cannot parse platform specifier");
  }
  const name = system[1]!.toLowerCase();
  const os = name === "macos" ? "darwin" : name;
  const osVersion = system[2] ?? "";
  if (second !== undefined)
    return normalPlatform({ os, osVersion, architecture: second, variant: third ?? "" });
  if (SYSTEMS.has(os)) return { ...machine, os, osVersion };
  const alone = normalPlatform({ os: machine.os, osVersion: "", architecture: name, variant: "" });
  if (ARCHITECTURES.has(alone.architecture)) return alone;
  throw invalid("unknown operating system or architecture");
}

const SYNONYMS: Readonly<Record<string, string>> = {
  i386: "386",
  x86_64: "amd64",
  "x86-64": "amd64",
  aarch64: "arm64",
  armhf: "arm",
  armel: "arm",
};

/** One spelling for each platform (containerd's `platforms.Normalize`). */
export function normalPlatform(platform: Platform): Platform {
  const written = platform.architecture.toLowerCase();
  const architecture = SYNONYMS[written] ?? written;
  let variant = platform.variant.toLowerCase();
  if (written === "armhf") variant = "v7";
  else if (written === "armel") variant = "v6";
  else if (architecture === "amd64" && variant === "v1") variant = "";
  else if (architecture === "386") variant = "";
  else if (architecture === "arm64" && (variant === "8" || variant === "v8")) variant = "";
  else if (architecture === "arm" && variant === "") variant = "v7";
  else if (architecture === "arm" && /^[5678]$/.test(variant)) variant = `v${variant}`;
  return { ...platform, architecture, variant };
}

/** `linux/arm/v7`. */
export function formatPlatform({ os, architecture, variant }: Platform): string {
  return [os, architecture, variant].filter((part) => part !== "").join("/");
}
