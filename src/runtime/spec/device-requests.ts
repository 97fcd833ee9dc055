import { type EngineError, invalidParameter, systemError } from "../../lib/index.ts";
import type { DeviceRequest } from "../../wire/index.ts";
import type { CdiDeviceNode, CdiEdits, CdiRegistry, DeviceFinder } from "../contract.ts";
import { deviceNode } from "./devices.ts";
import { mergeEnvironment } from "./environment.ts";
import type { OciDevice, OciSpec } from "./oci.ts";

/** Kinds of CDI device that stand for `--gpus`, in the order in which they are tried. */
const GPU_KINDS: readonly string[] = ["nvidia.com/gpu", "amd.com/gpu"];

/**
 * `--gpus` and CDI devices: writes what their files say into the specification.
 * @throws InvalidParameter `could not select device driver "" with capabilities: [[gpu]]`, or
 * System `CDI device injection failed: unresolvable CDI devices x/y=z`
 */
export function applyDeviceRequests(
  spec: OciSpec,
  requests: readonly DeviceRequest[] | null | undefined,
  cdi: CdiRegistry | undefined,
  finder: DeviceFinder,
): void {
  const names = (requests ?? []).flatMap((request) => namesOf(request, cdi));
  const unknown = names.filter((name) => !cdi?.find(name));
  if (unknown.length > 0) {
    throw systemError(`CDI device injection failed: unresolvable CDI devices ${unknown.join(", ")}`);
  }
  const files = new Set<CdiEdits>();
  for (const name of new Set(names)) {
    const found = cdi?.find(name);
    if (!found) continue;
    applyEdits(spec, found.device, finder);
    files.add(found.file);
  }
  for (const edits of files) applyEdits(spec, edits, finder);
}

/** Whether a request needs the CDI files at all. */
export function needsCdi(requests: readonly DeviceRequest[] | null | undefined): boolean {
  return (requests?.length ?? 0) > 0;
}

function namesOf(request: DeviceRequest, cdi: CdiRegistry | undefined): string[] {
  if (request.Driver === "cdi") return cdiNames(request);
  const kind = gpuKind(request, cdi);
  if (!kind) throw noDriver(request);
  if (request.DeviceIDs?.length) return request.DeviceIDs.map((id) => `${kind}=${id}`);
  const count = request.Count ?? 0;
  if (count < 0) return [`${kind}=all`];
  return Array.from({ length: Math.min(count, 1024) }, (_, index) => `${kind}=${index}`);
}

function cdiNames(request: DeviceRequest): string[] {
  if (request.Count) throw invalidParameter("unexpected count in CDI device request");
  if (Object.keys(request.Options ?? {}).length > 0) {
    throw invalidParameter("unexpected options in CDI device request");
  }
  return request.DeviceIDs ?? [];
}

function gpuKind(request: DeviceRequest, cdi: CdiRegistry | undefined): string | undefined {
  const wantsGpu = (request.Capabilities ?? []).some((all) => all.includes("gpu"));
  if (!wantsGpu || !["", "nvidia", "amd"].includes(request.Driver ?? "")) return undefined;
  const kinds = GPU_KINDS.filter((kind) => kind.startsWith(request.Driver ?? ""));
  return kinds.find((kind) => cdi?.names().some((name) => name.startsWith(`${kind}=`)));
}

function noDriver(request: DeviceRequest): EngineError {
  const capabilities = (request.Capabilities ?? []).map((all) => `[${all.join(" ")}]`).join(" ");
  return invalidParameter(
    `could not select device driver ${JSON.stringify(request.Driver ?? "")} with capabilities: [${capabilities}]`,
  );
}

function applyEdits(spec: OciSpec, edits: CdiEdits, finder: DeviceFinder): void {
  spec.process.env = mergeEnvironment(spec.process.env, edits.env);
  for (const node of edits.deviceNodes) addDevice(spec, nodeOf(node, finder), node.permissions || "rwm");
  for (const mount of edits.mounts) {
    spec.mounts = [...spec.mounts.filter((each) => each.destination !== mount.destination), mount];
  }
  for (const { name, hook } of edits.hooks) {
    spec.hooks ??= {};
    spec.hooks[name] = [...(spec.hooks[name] ?? []), hook];
  }
  const groups = new Set([...(spec.process.user.additionalGids ?? []), ...edits.additionalGids]);
  if (edits.additionalGids.length > 0) spec.process.user.additionalGids = [...groups];
}

/** What the file leaves open is taken from the host's device. */
function nodeOf(node: CdiDeviceNode, finder: DeviceFinder): OciDevice {
  const complete = node.type !== undefined && (node.type === "p" || node.major !== undefined);
  const hostPath = node.hostPath ?? node.path;
  const [found] = complete ? [] : (finder.find(hostPath) ?? []);
  if (!complete && !found) {
    throw systemError(
      `CDI device injection failed: failed to stat CDI host device ${JSON.stringify(hostPath)}`,
    );
  }
  const base: OciDevice = found ? deviceNode(found, node.path) : { type: node.type ?? "c", path: node.path };
  const { type, major, minor, fileMode, uid, gid } = node;
  const said = Object.entries({ type, major, minor, fileMode, uid, gid }).filter(([, v]) => v !== undefined);
  return { ...base, ...Object.fromEntries(said) };
}

function addDevice(spec: OciSpec, node: OciDevice, access: string): void {
  spec.linux.devices = [...(spec.linux.devices ?? []).filter((each) => each.path !== node.path), node];
  if (node.type === "p") return;
  spec.linux.resources ??= {};
  spec.linux.resources.devices = [
    ...(spec.linux.resources.devices ?? []),
    { allow: true, type: node.type === "b" ? "b" : "c", major: node.major, minor: node.minor, access },
  ];
}
