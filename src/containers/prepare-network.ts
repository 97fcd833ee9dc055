import type { SpecNamespace } from "../runtime/index.ts";
import type { Context } from "./context.ts";
import type { EtcContents } from "./etc-files.ts";
import { refreshLinks, resolveLinks } from "./links.ts";
import { networkOfPeer, networkPeer } from "./namespaces.ts";
import type { AttachRequest, NetworkSandbox } from "./ports.ts";
import type { ContainerRecord } from "./record.ts";

export interface PreparedNetwork {
  readonly namespace: SpecNamespace;
  /** Whose /etc/hosts and its siblings the container has. */
  readonly filesOf: ContainerRecord;
  readonly environment: readonly string[];
  /** What has to be mounted over the container's /etc: absent where another container's files are used. */
  readonly contents?: EtcContents;
  release(): void;
}

export async function prepareNetwork(context: Context, record: ContainerRecord): Promise<PreparedNetwork> {
  const peer = networkPeer(context, record);
  if (peer !== undefined) {
    shareHostname(record, peer);
    return { namespace: networkOfPeer(peer), filesOf: peer, environment: [], release: () => {} };
  }
  const sandbox = await context.endpoints.attach(attachRequestOf(context, record));
  refreshLinks(context, record, sandbox.settings);
  return {
    namespace: namespaceOf(sandbox),
    filesOf: record,
    environment: sandbox.environment ?? [],
    contents: sandbox,
    release: () => sandbox.namespace?.close(),
  };
}

function namespaceOf({ namespace }: NetworkSandbox): SpecNamespace {
  return namespace === undefined ? "host" : { path: namespace.path };
}

/** Those who share a network share its names. */
function shareHostname(record: ContainerRecord, peer: ContainerRecord): void {
  record.config = {
    ...record.config,
    Hostname: peer.config.Hostname ?? "",
    Domainname: peer.config.Domainname ?? "",
  };
}

/** What the network room needs to know to give a container its interfaces. */
export function attachRequestOf(
  context: Pick<Context, "repository">,
  record: ContainerRecord,
  options: { running?: boolean } = {},
): AttachRequest {
  const { config, host } = record;
  const mac = config.MacAddress;
  return {
    containerId: record.id,
    name: record.name,
    hostname: config.Hostname ?? "",
    ...(config.Domainname ? { domainname: config.Domainname } : {}),
    networkMode: config.NetworkDisabled ? "none" : (host.NetworkMode ?? "bridge"),
    ...(record.leftMode ? { withoutMode: true } : {}),
    networking: record.networking,
    exposedPorts: Object.keys(config.ExposedPorts ?? {}),
    portBindings: host.PortBindings ?? {},
    publishAllPorts: host.PublishAllPorts === true,
    ...(mac ? { macAddress: mac } : {}),
    // A running container's links were resolved when it started; their targets need not run any more.
    links: options.running ? [] : resolveLinks(context, record),
    extraHosts: host.ExtraHosts ?? [],
    dns: host.Dns ?? [],
    dnsOptions: host.DnsOptions ?? [],
    dnsSearch: host.DnsSearch ?? [],
  };
}
