import { invalidParameter, log } from "../../lib/index.ts";
import type { HostConfig } from "../../wire/index.ts";
import type { DeviceFinder, HostDevice } from "../contract.ts";
import type { OciDevice, OciDeviceRule } from "./oci.ts";

/** Device nodes in the container, and what its device cgroup lets it do. */
export interface SpecDevices {
  readonly nodes: OciDevice[];
  readonly rules: OciDeviceRule[];
}

const allowChar = (major: number, minor: number): OciDeviceRule => ({
  allow: true,
  type: "c",
  major,
  minor,
  access: "rwm",
});

/**
 * Everything is refused but zero, null, urandom, random, tty and console; the runtime itself makes those nodes, `full` and the
 * pseudo-terminals besides, and lets any node be made with mknod as long as it is not opened.
 */
const DEFAULT_RULES: readonly OciDeviceRule[] = [
  { allow: false, access: "rwm" },
  allowChar(1, 5),
  allowChar(1, 3),
  allowChar(1, 9),
  allowChar(1, 8),
  allowChar(5, 0),
  allowChar(5, 1),
  // FUSE: named by Docker so that a wider rule of the runtime's own does not let it in.
  { allow: false, type: "c", major: 10, minor: 229, access: "rwm" },
];

const RULE = /^([acb]) ([0-9]+|\*):([0-9]+|\*) ([rwm]{1,3})$/;
const ACCESS = /^[rwm]{1,3}$/;

/**
 * `--device`, `--device-cgroup-rule` and `--privileged`.
 * @throws InvalidParameter in Docker's words for a path that is no device and a rule that is none
 */
export function resolveDevices(host: HostConfig, finder: DeviceFinder): SpecDevices {
  return host.Privileged ? everyDevice(host, finder) : chosenDevices(host, finder);
}

function chosenDevices(host: HostConfig, finder: DeviceFinder): SpecDevices {
  const nodes: OciDevice[] = [];
  const rules: OciDeviceRule[] = [...DEFAULT_RULES];
  for (const mapping of host.Devices ?? []) {
    const access = mapping.CgroupPermissions || "rwm";
    if (!ACCESS.test(access)) throw invalidParameter(`invalid device mode: ${access}`);
    for (const node of nodesOf(mapping.PathOnHost ?? "", mapping.PathInContainer, finder)) {
      nodes.push(node);
      rules.push(ruleFor(node, access));
    }
  }
  for (const text of host.DeviceCgroupRules ?? []) rules.push(parseDeviceRule(text));
  return { nodes, rules };
}

function everyDevice(host: HostConfig, finder: DeviceFinder): SpecDevices {
  const nodes = finder.all().map((device) => deviceNode(device, device.path));
  for (const { PathOnHost = "", PathInContainer } of host.Devices ?? []) {
    if (!PathInContainer || PathInContainer === PathOnHost) continue; // There already.
    nodes.push(...nodesOf(PathOnHost, PathInContainer, finder));
  }
  if (nodes.length === 0) log.warn("no device of the host was found for a privileged container");
  return { nodes, rules: [{ allow: true, access: "rwm" }] };
}

function nodesOf(pathOnHost: string, pathInContainer: string | undefined, finder: DeviceFinder): OciDevice[] {
  const found = finder.find(pathOnHost);
  if (!found?.length) {
    const why = found ? "not a device node" : "no such file or directory";
    throw invalidParameter(
      `error gathering device information while adding custom device ${JSON.stringify(pathOnHost)}: ${why}`,
    );
  }
  const target = pathInContainer || pathOnHost;
  return found.map((device) => deviceNode(device, `${target}${device.below ?? ""}`));
}

export function deviceNode(device: HostDevice, path: string): OciDevice {
  return {
    type: device.type,
    path,
    major: device.major,
    minor: device.minor,
    fileMode: device.mode,
    uid: device.uid,
    gid: device.gid,
  };
}

function ruleFor(node: OciDevice, access: string): OciDeviceRule {
  return {
    allow: true,
    type: node.type === "b" ? "b" : "c",
    major: node.major ?? 0,
    minor: node.minor ?? 0,
    access,
  };
}

/** `c 10:200 rwm`; `*` is any number. @throws InvalidParameter */
export function parseDeviceRule(text: string): OciDeviceRule {
  const [, type, major, minor, access] = RULE.exec(text) ?? [];
  if (!type || !major || !minor || !access) {
    throw invalidParameter(`invalid device cgroup rule format: '${text}'`);
  }
  return {
    allow: true,
    type: type as "a" | "b" | "c",
    major: number(major, "major", text),
    minor: number(minor, "minor", text),
    access,
  };
}

function number(digits: string, what: string, text: string): number {
  if (digits === "*") return -1;
  const value = Number(digits);
  if (Number.isSafeInteger(value)) return value;
  throw invalidParameter(`invalid ${what} value in device cgroup rule format: '${text}'`);
}
