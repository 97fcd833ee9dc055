import { isIP } from "node:net";
import { invalidParameter } from "../../lib/index.ts";
import type { ContainerConfig, HostConfig } from "../../wire/index.ts";

/** Options that contradict a way of sharing a network. @throws InvalidParameter in Docker's words */
export function validateNetworkOptions(config: ContainerConfig, host: HostConfig): void {
  const mode = host.NetworkMode ?? "";
  if (mode === "container" || mode.startsWith("container:")) validateSharedNetwork(config, host, mode);
  if (host.UTSMode === "host" && config.Hostname) {
    throw invalidParameter("conflicting options: hostname and the UTS mode");
  }
  if (mode === "host" && host.Links?.length) {
    throw invalidParameter(
      "conflicting options: host type networking can't be used with links. This would result in undefined behavior",
    );
  }
  if ((mode === "host" || mode.startsWith("container:")) && config.MacAddress) {
    throw invalidParameter("conflicting options: mac-address and the network mode");
  }
  for (const text of host.ExtraHosts ?? []) validateExtraHost(text);
}

function validateSharedNetwork(config: ContainerConfig, host: HostConfig, mode: string): void {
  if (mode.slice("container:".length) === "") {
    throw invalidParameter("invalid network mode: invalid container format container:<name|id>");
  }
  const conflicts: [unknown, string][] = [
    [config.Hostname, "hostname and the network mode"],
    [
      host.Links?.length,
      "container type network can't be used with links. This would result in undefined behavior",
    ],
    [host.Dns?.length, "dns and the network mode"],
    [host.ExtraHosts?.length, "custom host-to-IP mapping and the network mode"],
    [
      host.PublishAllPorts || Object.keys(host.PortBindings ?? {}).length > 0,
      "port publishing and the container type network mode",
    ],
    [Object.keys(config.ExposedPorts ?? {}).length, "port exposing and the container type network mode"],
  ];
  for (const [present, what] of conflicts) {
    if (present) throw invalidParameter(`conflicting options: ${what}`);
  }
}

function validateExtraHost(text: string): void {
  const separator = text.search(/[:=]/);
  if (separator < 1) throw invalidParameter(`bad format for add-host: ${JSON.stringify(text)}`);
  const address = text.slice(separator + 1).replace(/^\[(.*)\]$/, "$1");
  if (address !== "host-gateway" && isIP(address) === 0) {
    throw invalidParameter(`invalid IP address in add-host: ${JSON.stringify(address)}`);
  }
}
