import { type Host, kernelRelease } from "./host.ts";

/** Whether the kernel has something: `loadable` when somebody asks for it, `unknown` where it keeps no list. */
export type Presence = "there" | "loadable" | "absent" | "unknown";

/** @param names of modules, any of which is enough, as in /proc/modules */
export function moduleOf(host: Host, ...names: string[]): Presence {
  if (names.some((name) => host.status(`/sys/module/${name}`) !== undefined)) return "there";
  const folder = `/lib/modules/${kernelRelease(host)}`;
  const lists = [host.read(`${folder}/modules.builtin`), host.read(`${folder}/modules.dep`)];
  const [builtin, loadable] = lists.map((text) => names.some((name) => listHas(text ?? "", name)));
  if (builtin) return "there";
  if (loadable) return "loadable";
  return lists.every((text) => text === undefined) ? "unknown" : "absent";
}

/** `kernel/net/bridge/bridge.ko.zst: …`; modules' files have `-` where their names have `_`. */
function listHas(list: string, name: string): boolean {
  const file = name.replaceAll("_", "[-_]");
  return new RegExp(`(^|/)${file}\\.ko(\\.\\w+)?(:|$)`, "m").test(list);
}

export function fileSystemOf(host: Host, name: string): Presence {
  const list = host.read("/proc/filesystems") ?? "";
  if (new RegExp(`\\b${name}$`, "m").test(list)) return "there";
  const presence = moduleOf(host, name);
  return presence === "unknown" ? "absent" : presence;
}

/** After an update of the kernel without a restart nothing more can be loaded: the running one's modules are gone. */
export function modulesAreGone(host: Host): boolean {
  const release = kernelRelease(host);
  const kernels = host.list("/lib/modules");
  return release !== "" && kernels.length > 0 && !kernels.includes(release);
}
