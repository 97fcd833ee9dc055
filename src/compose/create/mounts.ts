import { invalidParameter } from "../../lib/index.ts";
import type { HostConfig, Mount } from "../../wire/index.ts";
import type { NamedService } from "../application.ts";
import { imageName } from "../images/names.ts";
import type { VolumeMount } from "../model/index.ts";
import type { Project } from "../project/index.ts";

/** What the engine mounts, in its two ways to say it: the older one makes missing folders of the host, the newer one can say more. */
export type Mounted = Required<Pick<HostConfig, "Binds" | "Mounts">> & { Binds: string[]; Mounts: Mount[] };

/** An anonymous volume that is handed on from the container before: target → name and whether it is read-only. */
export type Inherited = ReadonlyMap<string, { readonly name: string; readonly readOnly: boolean }>;

/** @throws InvalidParameter for what only Windows or a swarm can mount. */
export function serviceMounts(
  project: Project,
  service: NamedService,
  inherited: Inherited,
  warn: (message: string) => void,
): Mounted {
  const mounted: Mounted = { Binds: [], Mounts: [] };
  const declared = new Set<string>();
  for (const [index, volume] of (service.volumes ?? []).entries()) {
    const at = `services.${service.name}.volumes[${index}]`;
    warnOfOthersOptions(volume, at, warn);
    const handedOn = inherited.get(volume.target);
    if (!volume.source && handedOn !== undefined) continue;
    declared.add(volume.target);
    const bind = bindText(project, volume);
    if (bind !== undefined) mounted.Binds.push(bind);
    else mounted.Mounts.push(mountOf(project, volume, at, warn));
  }
  for (const [target, { name, readOnly }] of inherited) {
    if (declared.has(target)) continue;
    mounted.Mounts.push({ Type: "volume", Source: name, Target: target, ReadOnly: readOnly });
  }
  return mounted;
}

/**
 * `/src:/app:ro,z`, where that says it all. Only in this form the engine makes a folder that is missing, and labels it
 * for SELinux.
 */
function bindText(project: Project, { type, source, target, read_only, bind, volume }: VolumeMount) {
  const access = read_only === true ? "ro" : "rw";
  if (type === "bind") {
    const selinux = bind?.selinux;
    const says = bind?.create_host_path !== false && !bind?.recursive;
    if (!says || (bind?.propagation && !selinux)) return undefined;
    // A colon would end the path.
    if (source?.includes(":") || target.includes(":")) return undefined;
    return [source, target, [access, selinux, bind?.propagation].filter(Boolean).join(",")].join(":");
  }
  if (type !== "volume" || !source || !Object.hasOwn(project.volumes, source)) return undefined;
  if (volume?.nocopy || volume?.subpath || Object.keys(volume?.labels ?? {}).length > 0) return undefined;
  return `${project.volumes[source]!.name}:${target}:${access}`;
}

function mountOf(project: Project, volume: VolumeMount, at: string, warn: (message: string) => void): Mount {
  const { type, source, target, read_only, consistency } = volume;
  return {
    Type: type,
    ...(source ? { Source: sourceOf(project, volume) } : {}),
    Target: target,
    ...(read_only === true ? { ReadOnly: true } : {}),
    ...(consistency ? { Consistency: consistency } : {}),
    ...mountOptions(volume, at, warn),
  };
}

function sourceOf(project: Project, { type, source = "" }: VolumeMount): string {
  if (type === "volume") return project.volumes[source]?.name ?? source;
  // The image of another service, or one of that name.
  if (type === "image" && Object.hasOwn(project.services, source)) {
    return imageName(project.name, { ...project.services[source]!, name: source });
  }
  return source;
}

function mountOptions(volume: VolumeMount, at: string, warn: (message: string) => void): Partial<Mount> {
  switch (volume.type) {
    case "bind":
      return bindOptions(volume.bind, at, warn);
    case "volume": {
      if (volume.volume === undefined || volume.volume === null) return {};
      const { nocopy, subpath, labels } = volume.volume;
      return {
        VolumeOptions: {
          ...(nocopy ? { NoCopy: true } : {}),
          ...(subpath ? { Subpath: subpath } : {}),
          ...(labels === undefined ? {} : { Labels: labels }),
        },
      };
    }
    case "tmpfs": {
      if (volume.tmpfs === undefined || volume.tmpfs === null) return {};
      const { size, mode } = volume.tmpfs;
      return { TmpfsOptions: { ...(size ? { SizeBytes: size } : {}), ...(mode ? { Mode: mode } : {}) } };
    }
    case "image":
      return volume.image?.subpath ? { ImageOptions: { Subpath: volume.image.subpath } } : {};
    case "npipe":
      throw invalidParameter(`${at}: a mount of type npipe is for Windows containers only`);
    case "cluster":
      throw invalidParameter(`${at}: a mount of type cluster needs a swarm`);
  }
}

function bindOptions(bind: VolumeMount["bind"], at: string, warn: (message: string) => void): Partial<Mount> {
  if (bind?.selinux) warn(`${at}: bind.selinux has no effect beside create_host_path: false or recursive`);
  return {
    BindOptions: {
      ...(bind?.propagation ? { Propagation: bind.propagation } : {}),
      ...(bind?.create_host_path === false ? {} : { CreateMountpoint: true }),
      ...(bind?.recursive === "disabled" ? { NonRecursive: true } : {}),
      ...(bind?.recursive === "writable" ? { ReadOnlyNonRecursive: true } : {}),
      ...(bind?.recursive === "readonly" ? { ReadOnlyForceRecursive: true } : {}),
    },
  };
}

function warnOfOthersOptions(volume: VolumeMount, at: string, warn: (message: string) => void): void {
  for (const kind of ["bind", "volume", "tmpfs", "image"] as const) {
    // The short syntax says `volume: {}` or `bind: {}` for itself.
    if (kind !== volume.type && Object.keys(volume[kind] ?? {}).length > 0) {
      warn(`${at}: mount of type \`${volume.type}\` should not define \`${kind}\` option`);
    }
  }
}
