import { invalidParameter } from "../../lib/index.ts";
import { CAPABILITIES } from "../../linux/index.ts";
import type { HostConfig } from "../../wire/index.ts";
import type { HostFacts, ResolvedUser } from "../contract.ts";
import { processCapabilities, resolveCapabilities } from "./capabilities.ts";
import type { OciProcess } from "./oci.ts";
import { resolveRlimits, type UlimitRequest } from "./rlimits.ts";
import { parseSecurityOptions } from "./security-options.ts";

/** What a container's first process and an exec'd one have in common. */
export interface ProcessInput {
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly cwd: string;
  readonly user: ResolvedUser;
  readonly host: HostConfig;
  /** More than the host configuration's, for `exec --privileged`. */
  readonly privileged?: boolean;
  readonly tty: boolean;
  readonly consoleSize?: { readonly rows: number; readonly columns: number };
  readonly defaultUlimits?: readonly UlimitRequest[];
  readonly facts: HostFacts;
}

/** @throws InvalidParameter for arguments that no process can have */
export function ociProcess(input: ProcessInput): OciProcess {
  const { host, facts, user } = input;
  const security = parseSecurityOptions(host.SecurityOpt);
  if (input.args.length === 0) throw invalidParameter("no command specified");
  for (const word of [...input.args, ...input.env]) {
    if (word.includes("\0")) throw invalidParameter("arguments and environment must not contain NUL bytes");
  }
  const rlimits = resolveRlimits({
    requested: host.Ulimits,
    defaults: input.defaultUlimits,
    hardLimits: facts.capabilities.has("CAP_SYS_RESOURCE") ? undefined : facts.hardLimits,
  });
  const capabilities = resolveCapabilities(
    {
      add: host.CapAdd,
      drop: host.CapDrop,
      privileged: input.privileged === true || host.Privileged === true,
    },
    { names: CAPABILITIES, available: facts.capabilities },
  );
  const size = input.consoleSize;
  const profile = appArmorProfile(host, facts);
  return {
    terminal: input.tty,
    ...(input.tty && size ? { consoleSize: { height: size.rows, width: size.columns } } : {}),
    user: { uid: user.uid, gid: user.gid, additionalGids: [...user.additionalGids] },
    args: [...input.args],
    env: [...input.env],
    cwd: checkWorkingDirectory(input.cwd),
    capabilities: processCapabilities(capabilities),
    ...(rlimits.length > 0 ? { rlimits } : {}),
    noNewPrivileges: security.noNewPrivileges,
    ...(profile === undefined ? {} : { apparmorProfile: profile }),
    oomScoreAdj: host.OomScoreAdj ?? 0,
  };
}

/** The profile of containers that name none; see `apparmor.ts`. One for all daemons of a host, since all load the same. */
export const DEFAULT_APPARMOR_PROFILE = "berth-default";

/** The profile of a container's processes; `undefined` where the kernel has no AppArmor. */
export function appArmorProfile(
  host: Pick<HostConfig, "SecurityOpt" | "Privileged">,
  facts: Pick<HostFacts, "appArmor">,
): string | undefined {
  if (!facts.appArmor) return undefined;
  const wanted = parseSecurityOptions(host.SecurityOpt).apparmor;
  return wanted || (host.Privileged ? "unconfined" : DEFAULT_APPARMOR_PROFILE);
}

/** Where the kernel lists a process's open files: a working directory in there would be one of the runtime's (CVE-2024-21626). */
const OPEN_FILES =
  /^\/(?:proc\/(?:self|thread-self|\d+)(?:\/task\/\d+)?\/(?:fd|fdinfo|cwd|root|exe|map_files)|dev\/(?:fd|stdin|stdout|stderr))(?:\/|$)/;

/** @throws InvalidParameter for a relative path, or one that leads to descriptors */
export function checkWorkingDirectory(cwd: string): string {
  if (!cwd.startsWith("/") || cwd.includes("\0")) {
    throw invalidParameter(`the working directory '${cwd}' is invalid, it needs to be an absolute path`);
  }
  if (OPEN_FILES.test(clean(cwd))) {
    throw invalidParameter(`the working directory '${cwd}' is invalid, it leads to a process's open files`);
  }
  return cwd;
}

function clean(path: string): string {
  const kept: string[] = [];
  for (const name of path.split("/")) {
    if (name === "" || name === ".") continue;
    if (name === "..") kept.pop();
    else kept.push(name);
  }
  return `/${kept.join("/")}`;
}
