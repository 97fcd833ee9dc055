import { posix } from "node:path";
import type { OciSpec, ResolvedUser, SpecMount, SpecNamespaces } from "../runtime/index.ts";
import type { HostConfig } from "../wire/index.ts";
import type { Context } from "./context.ts";
import type { ContainerRecord } from "./record.ts";

export interface SpecParts {
  readonly user: ResolvedUser;
  readonly mounts: readonly SpecMount[];
  readonly namespaces: SpecNamespaces;
  /** Variables that come from the network's set-up (links): weaker than the container's own. */
  readonly environment: readonly string[];
}

/** The OCI specification of a container that is about to start. */
export function specOf(context: Context, record: ContainerRecord, parts: SpecParts): Promise<OciSpec> {
  const { machine, defaults, paths } = context;
  const { config } = record;
  const hostname = config.Hostname ?? "";
  const host = withDaemonsSecurity(context, record.host);
  const seccompProfile = daemonsSeccomp(context, host);
  return machine.buildSpec({
    id: record.id,
    config,
    host,
    args: [record.path, ...record.args],
    env: machine.environment({
      hostname,
      tty: config.Tty === true,
      env: [...parts.environment, ...(config.Env ?? [])],
    }),
    cwd: config.WorkingDir || "/",
    user: parts.user,
    hostname,
    ...(config.Domainname ? { domainname: config.Domainname } : {}),
    rootfs: paths.rootfs(record.id),
    readonlyRootfs: host.ReadonlyRootfs === true,
    mounts: parts.mounts,
    namespaces: parts.namespaces,
    cgroupParent: cgroupParentOf(context, record),
    ...((host.Init ?? defaults.init) ? { initPath: machine.initPath() } : {}),
    ...(seccompProfile === undefined ? {} : { seccompProfile }),
    ...(defaults.ulimits === undefined ? {} : { defaultUlimits: defaults.ulimits }),
    ...(defaults.shmSize === undefined ? {} : { defaultShmSizeBytes: defaults.shmSize }),
  });
}

/** Absolute below each hierarchy's root, whatever the request says. */
export function cgroupParentOf(context: Pick<Context, "defaults">, record: ContainerRecord): string {
  const wanted = record.host.CgroupParent;
  return wanted ? posix.normalize(`/${wanted}`).replace(/(?<=.)\/$/, "") : context.defaults.cgroupParent;
}

export function cgroupsPathOf(context: Pick<Context, "defaults">, record: ContainerRecord): string {
  return posix.join(cgroupParentOf(context, record), record.id);
}

function withDaemonsSecurity({ defaults }: Context, host: HostConfig): HostConfig {
  const options = host.SecurityOpt ?? [];
  if (!defaults.noNewPrivileges || options.some((option) => option.startsWith("no-new-privileges")))
    return host;
  return { ...host, SecurityOpt: [...options, "no-new-privileges"] };
}

/** The daemon's own profile goes where the built-in one would. */
function daemonsSeccomp({ defaults }: Context, host: HostConfig): string | undefined {
  if (host.Privileged || host.SecurityOpt?.some((option) => option.startsWith("seccomp"))) return undefined;
  return defaults.seccompProfile;
}
