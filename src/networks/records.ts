import type { Database } from "../store/index.ts";
import type { EndpointIPAMConfig } from "../wire/index.ts";

/** A pool of a network's addresses, as it was asked for or chosen. Texts are addresses and CIDRs. */
export interface IpamConfig {
  readonly subnet: string;
  readonly ipRange?: string;
  readonly gateway?: string;
  readonly auxiliary?: Readonly<Record<string, string>>;
}

/** Auxiliary addresses of these names are the containers' gateway in the host's place (Docker's names). */
export const DEFAULT_GATEWAY = { 4: "DefaultGatewayIPv4", 6: "DefaultGatewayIPv6" } as const;

/** What is kept of a network. */
export interface NetworkRecord {
  /** 64 hex digits. */
  readonly id: string;
  readonly name: string;
  /** RFC 3339 with nanoseconds. */
  readonly created: string;
  readonly driver: string;
  readonly ipv4: boolean;
  readonly ipv6: boolean;
  readonly internal: boolean;
  readonly attachable: boolean;
  readonly ipam: readonly IpamConfig[];
  /** `--ipam-opt`: only shown, as with Docker, whose own address manager knows none either. */
  readonly ipamOptions?: Readonly<Record<string, string>>;
  /** One of `bridge`, `host` and `none`, which are always there. */
  readonly predefined?: boolean;
  /** Nobody asked for its subnets: where one is taken when the daemon starts, another is chosen. */
  readonly automatic?: boolean;
  /** No network but words that others are made of (`--config-only`); its driver is `null`. */
  readonly configOnly?: boolean;
  /** Name of the network whose configuration it has. */
  readonly configFrom?: string;
  /** Its bridge is somebody else's: it is neither made nor deleted. */
  readonly foreignBridge?: boolean;
  readonly options: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}

/** A host port and the container's port that it leads to. */
export interface PortRecord {
  readonly containerPort: number;
  readonly protocol: "tcp" | "udp" | "sctp";
  readonly hostAddress: string;
  readonly hostPort: number;
}

/** A container's place on a network, from attach to release. */
export interface EndpointRecord {
  /** 64 hex digits. */
  readonly id: string;
  readonly networkId: string;
  readonly containerId: string;
  readonly sandboxId: string;
  readonly containerName: string;
  /** Of the interface inside the container: `eth0` */
  readonly interfaceName: string;
  /** Of its other end on the host: `veth1a2b3c4` */
  readonly hostInterface: string;
  readonly mac: string;
  /** With prefix length: `172.17.0.2/16` */
  readonly ipv4?: string;
  readonly ipv6?: string;
  readonly gateway4?: string;
  readonly gateway6?: string;
  readonly ports: readonly PortRecord[];
  /** Names that others on the network find it by. */
  readonly dnsNames: readonly string[];
  /** What the user asked for on this network, which `inspect` repeats. */
  readonly asked: EndpointWishes;
}

/** What a user may ask for on one network. */
export interface EndpointWishes {
  readonly ipam?: EndpointIPAMConfig;
  readonly mac?: string;
  readonly links?: readonly string[];
  readonly aliases?: readonly string[];
  readonly driverOptions?: Readonly<Record<string, string>>;
  readonly gatewayPriority?: number;
}

const MIGRATIONS = [
  `CREATE TABLE networks_networks (
     id TEXT PRIMARY KEY,
     name TEXT NOT NULL UNIQUE,
     record TEXT NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE networks_endpoints (
     id TEXT PRIMARY KEY,
     container TEXT NOT NULL,
     record TEXT NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX networks_endpoints_by_container ON networks_endpoints (container);
   CREATE TABLE networks_facts (
     name TEXT PRIMARY KEY,
     value TEXT NOT NULL
   ) STRICT, WITHOUT ROWID;`,
];

/**
 * What this room remembers across restarts of the daemon: networks, the endpoints of running containers, and a
 * few facts about the host. Endpoints end with their container's run, so a power cut may lose them: they are
 * never synced to disk.
 */
export class NetworkStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
    db.migrate("networks", MIGRATIONS);
  }

  networks(): NetworkRecord[] {
    return this.#db
      .all<{ record: string }>("SELECT record FROM networks_networks")
      .map((row) => JSON.parse(row.record) as NetworkRecord);
  }

  /** Adds or replaces. */
  saveNetwork(network: NetworkRecord): void {
    this.#db.run(
      "INSERT OR REPLACE INTO networks_networks (id, name, record) VALUES (?, ?, ?)",
      network.id,
      network.name,
      JSON.stringify(network),
    );
  }

  removeNetwork(id: string): void {
    this.#db.run("DELETE FROM networks_networks WHERE id = ?", id);
  }

  endpoints(): EndpointRecord[] {
    return this.#db
      .all<{ record: string }>("SELECT record FROM networks_endpoints")
      .map((row) => JSON.parse(row.record) as EndpointRecord);
  }

  saveEndpoint(endpoint: EndpointRecord): void {
    this.#db.run(
      "INSERT OR REPLACE INTO networks_endpoints (id, container, record) VALUES (?, ?, ?)",
      endpoint.id,
      endpoint.containerId,
      JSON.stringify(endpoint),
    );
  }

  removeEndpoint(id: string): void {
    this.#db.run("DELETE FROM networks_endpoints WHERE id = ?", id);
  }

  fact(name: string): string | undefined {
    return this.#db.get<{ value: string }>("SELECT value FROM networks_facts WHERE name = ?", name)?.value;
  }

  setFact(name: string, value: string): void {
    this.#db.run("INSERT OR REPLACE INTO networks_facts (name, value) VALUES (?, ?)", name, value);
  }

  /** So that networks that were made are still there after a power cut. */
  durable(): Promise<void> {
    return this.#db.durable();
  }
}
