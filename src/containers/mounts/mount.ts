import { invalidParameter, messageOf } from "../../lib/index.ts";
import { PROPAGATIONS } from "../../linux/index.ts";
import type { Mount } from "../../wire/index.ts";
import { DEFAULT_PROPAGATION } from "./mode.ts";
import { cleanPath, isLocalPath, parseDestination } from "./path.ts";
import type { PlannedMount } from "./plan-types.ts";
import { tmpfsOptionsOfMount } from "./tmpfs.ts";

/** Which options belong to which type of mount. */
const OPTIONS = {
  BindOptions: "bind",
  VolumeOptions: "volume",
  ImageOptions: "image",
  TmpfsOptions: "tmpfs",
} as const;

/**
 * One of `HostConfig.Mounts`.
 * @param exists whether a host path is there: a bind's source must be
 * @throws InvalidParameter `invalid mount config for type "bind": bind source path does not exist: /x` and
 * its kin
 */
export function parseMount(mount: Mount, exists: (path: string) => boolean): PlannedMount {
  const type = mount.Type ?? "";
  try {
    return parse(mount, type, exists);
  } catch (error) {
    throw invalidParameter(`invalid mount config for type ${JSON.stringify(type)}: ${messageOf(error)}`);
  }
}

function parse(mount: Mount, type: string, exists: (path: string) => boolean): PlannedMount {
  for (const [field, owner] of Object.entries(OPTIONS)) {
    if (type !== owner && mount[field as keyof typeof OPTIONS]) fail(`field ${field} must not be specified`);
  }
  if (!mount.Target) fail("field Target must not be empty");
  const common = {
    destination: parseDestination(mount.Target!),
    mode: "",
    readOnly: mount.ReadOnly === true,
    origin: "mount",
  } as const;
  switch (type) {
    case "bind":
      return { ...common, ...bind(mount, exists) };
    case "volume":
      return { ...common, ...volume(mount) };
    case "tmpfs":
      if (mount.Source) fail("field Source must not be specified");
      return { ...common, type, source: "", propagation: "", options: tmpfsOptionsOfMount(mount) };
    case "image":
      return { ...common, ...image(mount) };
    default:
      return fail("mount type unknown");
  }
}

function bind(mount: Mount, exists: (path: string) => boolean) {
  const { Source: source = "", BindOptions: options } = mount;
  if (source === "") fail("field Source must not be empty");
  const propagation = options?.Propagation || DEFAULT_PROPAGATION;
  if (!PROPAGATIONS.includes(propagation)) fail(`invalid propagation mode: ${propagation}`);
  if (!source.startsWith("/")) fail(`invalid mount path: '${source}' mount path must be absolute`);
  if (!options?.CreateMountpoint && !exists(source)) fail(`bind source path does not exist: ${source}`);
  return {
    type: "bind",
    source: cleanPath(source),
    propagation,
    createSource: options?.CreateMountpoint === true,
    ...(options?.NonRecursive ? { nonRecursive: true } : {}),
    ...(options?.ReadOnlyNonRecursive ? { readOnlyRecursion: "off" as const } : {}),
    ...(options?.ReadOnlyForceRecursive ? { readOnlyRecursion: "force" as const } : {}),
  } as const;
}

function volume(mount: Mount) {
  const { Source: name = "", VolumeOptions: options } = mount;
  const subpath = options?.Subpath;
  if (subpath) {
    if (name === "") fail("must not set Subpath when using anonymous volumes");
    if (!isLocalPath(subpath)) fail("subpath must be a relative path within the volume");
  }
  return {
    type: "volume",
    source: "",
    propagation: "",
    // Data is copied up into whole volumes only.
    copyUp: options?.NoCopy !== true && !subpath,
    ...(name === "" ? { anonymous: true } : { name }),
    ...(subpath ? { subpath } : {}),
    volume: {
      ...(options?.DriverConfig?.Name ? { driver: options.DriverConfig.Name } : {}),
      ...(options?.DriverConfig?.Options ? { driverOptions: options.DriverConfig.Options } : {}),
      ...(options?.Labels ? { labels: options.Labels } : {}),
    },
  } as const;
}

function image(mount: Mount) {
  const { Source: source = "", ImageOptions: options } = mount;
  if (source === "") fail("field Source must not be empty");
  const subpath = options?.Subpath;
  if (subpath && !isLocalPath(subpath)) fail("subpath must be a relative path within the volume");
  return {
    type: "image",
    source,
    name: source,
    propagation: DEFAULT_PROPAGATION,
    readOnly: true,
    ...(subpath ? { subpath } : {}),
  } as const;
}

function fail(message: string): never {
  throw invalidParameter(message);
}
