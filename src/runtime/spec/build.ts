import { invalidParameter } from "../../lib/index.ts";
import type { SpecInput } from "../contract.ts";
import { discardUnsupported } from "./check-resources.ts";
import { applyDeviceRequests } from "./device-requests.ts";
import { resolveDevices } from "./devices.ts";
import { INIT_IN_CONTAINER, resolveMounts, rootPropagation } from "./mounts.ts";
import { ociNamespaces } from "./namespaces.ts";
import type { OciSeccomp, OciSpec } from "./oci.ts";
import { restrictedPaths } from "./paths.ts";
import { ociProcess } from "./process.ts";
import { resolveResources } from "./resources.ts";
import { seccompFilter } from "./seccomp/compile.ts";
import { parseSecurityOptions } from "./security-options.ts";
import { resolveSysctls } from "./sysctls.ts";

/** Old enough for every runtime that is still in use. */
const OCI_VERSION = "1.0.2";

/**
 * Docker's configuration of a container → the specification that an OCI runtime executes. Pure: what it must know of the
 * host comes in with `facts`, `devices` and `cdi`.
 * @throws EngineError in Docker's words for every wish that cannot be had
 */
export function buildSpec(given: SpecInput): OciSpec {
  // In somebody else's PID namespace there is an init already.
  const input = given.namespaces.pid === "new" ? given : { ...given, initPath: undefined };
  const { host, config, namespaces } = input;
  const security = parseSecurityOptions(host.SecurityOpt);
  const devices = resolveDevices(host, input.devices);
  const paths = restrictedPaths(host, input.facts.thermalThrottlePaths);
  const [rows, columns] = host.ConsoleSize ?? [];
  const spec: OciSpec = {
    ociVersion: OCI_VERSION,
    process: ociProcess({
      args: input.initPath === undefined ? input.args : [INIT_IN_CONTAINER, "--", ...input.args],
      env: input.env,
      cwd: input.cwd,
      user: input.user,
      host,
      tty: config.Tty === true,
      consoleSize: rows && columns ? { rows, columns } : undefined,
      defaultUlimits: input.defaultUlimits,
      facts: input.facts,
    }),
    root: { path: input.rootfs, readonly: input.readonlyRootfs },
    mounts: resolveMounts(input),
    linux: {
      cgroupsPath: `${input.cgroupParent.replace(/\/+$/, "")}/${input.id}`,
      namespaces: ociNamespaces(namespaces),
      devices: devices.nodes,
      resources: resolveResources(
        discardUnsupported(host, input.facts).resources,
        input.devices,
        devices.rules,
      ),
      sysctl: resolveSysctls(host.Sysctls, namespaces, {
        ownNetwork: ownNetwork(input),
      }),
      maskedPaths: paths.masked,
      readonlyPaths: paths.readonly,
    },
  };
  const { linux } = spec;
  if (namespaces.uts !== "host") spec.hostname = input.hostname;
  if (namespaces.uts === "new" && input.domainname)
    linux.sysctl = { "kernel.domainname": input.domainname, ...linux.sysctl };
  if (input.idMappings && namespaces.user !== "host") {
    linux.uidMappings = [...input.idMappings.uid];
    linux.gidMappings = [...input.idMappings.gid];
  }
  const propagation = rootPropagation(input.mounts);
  if (propagation) linux.rootfsPropagation = propagation;
  const seccomp = seccompOf(input, security.seccomp, spec.process.capabilities.bounding);
  if (seccomp) linux.seccomp = seccomp;
  if (host.Annotations && Object.keys(host.Annotations).length > 0)
    spec.annotations = { ...host.Annotations };
  applyDeviceRequests(spec, host.DeviceRequests, input.cdi, input.devices);
  return spec;
}

/** A network namespace made for this container alone; one that the daemon prepared comes with a path. */
function ownNetwork({ namespaces, host }: SpecInput): boolean {
  return namespaces.network !== "host" && !(host.NetworkMode ?? "").startsWith("container:");
}

function seccompOf(
  input: SpecInput,
  wanted: string | undefined,
  capabilities: readonly string[],
): OciSeccomp | undefined {
  const custom = input.seccompProfile ?? (wanted === "builtin" ? undefined : wanted);
  if (custom === "unconfined" || (input.host.Privileged && wanted === undefined)) return undefined;
  const { facts } = input;
  if (!facts.seccomp) {
    if (custom === undefined) return undefined;
    throw invalidParameter("seccomp is not enabled in your kernel, cannot run a custom seccomp profile");
  }
  return seccompFilter(custom, {
    machine: facts.machine,
    kernelVersion: facts.kernelVersion,
    unusableArchitectures: facts.unusableArchitectures,
    capabilities,
  });
}

/**
 * The text of config.json. Numbers beyond 2⁵³ (an unlimited rlimit, a 64-bit argument of a seccomp rule) are written out in full.
 */
export function serializeSpec(spec: OciSpec): string {
  return JSON.stringify(spec, exactNumbers);
}

export function exactNumbers(_key: string, value: unknown): unknown {
  if (value === Number.POSITIVE_INFINITY) return rawJson("18446744073709551615");
  return typeof value === "bigint" ? rawJson(String(value)) : value;
}

/** ECMAScript's JSON.rawJSON, which TypeScript's library does not describe yet. */
function rawJson(text: string): unknown {
  return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(text);
}
