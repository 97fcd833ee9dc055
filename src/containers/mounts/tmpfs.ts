import { invalidParameter } from "../../lib/index.ts";
import type { Mount } from "../../wire/index.ts";
import { parseDestination } from "./path.ts";
import type { PlannedMount } from "./plan-types.ts";

/** What Docker starts from, so that nothing on a tmpfs is executed unless asked for. */
const DEFAULTS: readonly string[] = ["noexec", "nosuid", "nodev", "rprivate"];

/** Pairs of which the later word wins. */
const OPPOSITES: Readonly<Record<string, string>> = {
  ro: "rw",
  exec: "noexec",
  suid: "nosuid",
  dev: "nodev",
  sync: "async",
  atime: "noatime",
  diratime: "nodiratime",
  relatime: "norelatime",
  strictatime: "nostrictatime",
  mand: "nomand",
};
const FLAGS = new Set([...Object.keys(OPPOSITES), ...Object.values(OPPOSITES), "dirsync", "rprivate"]);
const PROPAGATION = new Set([
  ...["private", "rprivate", "slave", "rslave", "shared", "rshared", "unbindable", "runbindable"],
]);
/** tmpfs(5) */
const VALUES = new Set(["size", "mode", "uid", "gid", "nr_inodes", "nr_blocks", "mpol", "huge"]);

/** `HostConfig.Tmpfs`: destination → `size=64m,exec`. @throws InvalidParameter `invalid tmpfs option "x"` */
export function parseTmpfs(destination: string, data: string): PlannedMount {
  const options = mergeTmpfsOptions(data === "" ? [] : data.split(","));
  return {
    type: "tmpfs",
    destination: parseDestination(destination),
    source: "",
    mode: "",
    readOnly: options.includes("ro"),
    propagation: "",
    options,
    origin: "tmpfs",
  };
}

/** `Mount.TmpfsOptions` as mount options. */
export function tmpfsOptionsOfMount(mount: Mount): string[] {
  const options = mount.TmpfsOptions;
  const wanted: string[] = [];
  if (mount.ReadOnly) wanted.push("ro");
  if (options?.Mode) wanted.push(`mode=${options.Mode.toString(8)}`);
  if (options?.SizeBytes) {
    if (options.SizeBytes < 0) throw invalidParameter(`invalid tmpfs size: ${options.SizeBytes}`);
    wanted.push(`size=${options.SizeBytes}`);
  }
  for (const option of options?.Options ?? []) {
    const [name = "", value] = option;
    if (option.length < 1 || option.length > 2) throw invalidParameter("invalid option array length");
    if (name !== "exec" && name !== "noexec") throw invalidParameter(`invalid option: ${name}`);
    wanted.push(value === undefined ? name : `${name}=${value}`);
  }
  return mergeTmpfsOptions(wanted);
}

/** The defaults with these over them: of two that speak of one thing, the later stays. */
export function mergeTmpfsOptions(wanted: readonly string[]): string[] {
  const merged = new Map<string, string>();
  for (const option of [...DEFAULTS, ...wanted]) {
    const subject = subjectOf(option);
    if (subject === undefined) throw invalidParameter(`invalid tmpfs option ${JSON.stringify(option)}`);
    merged.delete(subject);
    merged.set(subject, option);
  }
  return [...merged.values()];
}

function subjectOf(option: string): string | undefined {
  const [name = "", value] = option.split("=", 2);
  if (value !== undefined) return VALUES.has(name) ? name : undefined;
  if (PROPAGATION.has(name)) return "propagation";
  if (!FLAGS.has(name)) return undefined;
  return Object.entries(OPPOSITES).find(([on, off]) => name === on || name === off)?.[0] ?? name;
}
