import { moduleOf } from "../features.ts";
import { type Check, type Finding, fail, ok, skip, warn } from "../finding.ts";
import { isRoot, processesNamed, readNumber } from "../host.ts";
import { engineConfig } from "./engine-config.ts";

/** What networks are made of: each by a module, and by a file that tells where it is built in. */
const MODULES = [
  { id: "network.bridge", what: "bridges", names: ["bridge"], sign: "/proc/sys/net/bridge" },
  { id: "network.veth", what: "pairs of interfaces (veth)", names: ["veth"] },
  { id: "network.nf-tables", what: "nf_tables", names: ["nf_tables"] },
  {
    id: "network.conntrack",
    what: "connection tracking",
    names: ["nf_conntrack"],
    sign: "/proc/sys/net/netfilter/nf_conntrack_max",
  },
] as const;

const modules: Check = (host) =>
  MODULES.map((module): Finding => {
    const { id, what, names } = module;
    const isThere = "sign" in module && host.status(module.sign) !== undefined;
    const presence = isThere ? "there" : moduleOf(host, ...names);
    if (presence === "there") return ok(id, what);
    if (presence === "loadable") return ok(id, `${what}, loaded when needed`);
    if (presence === "unknown") return skip(id, `${what}: this kernel keeps no list of what it has`);
    return fail(
      id,
      `this kernel has no ${what}`,
      "containers have no networks without",
      `modprobe ${names[0]}`,
    );
  });

const forwarding: Check = (host) => {
  const id = "network.forwarding";
  const value = readNumber(host, "/proc/sys/net/ipv4/ip_forward");
  if (value === undefined) return skip(id, "the kernel does not tell whether it forwards");
  if (value === 1) return ok(id, "IP forwarding is on");
  if (engineConfig(host)["ip-forward"] !== false)
    return ok(id, "IP forwarding is off; the engine switches it on when a network needs it");
  return fail(
    id,
    "IP forwarding is off, and daemon.json forbids the engine to switch it on",
    "containers reach nothing outside, and their published ports are not reached",
    "sysctl -w net.ipv4.ip_forward=1",
    'echo "net.ipv4.ip_forward = 1" > /etc/sysctl.d/90-berth.conf',
  );
};

/** br_netfilter leads packets between ports of one bridge through the host's filter of routed packets. */
const bridgeFilter: Check = (host) => {
  const id = "network.br-netfilter";
  if (readNumber(host, "/proc/sys/net/bridge/bridge-nf-call-iptables") !== 1) return undefined;
  return warn(
    id,
    "packets within a bridge go through the host's iptables (br_netfilter)",
    "rules meant for routed packets may keep containers of one network apart, and each packet costs more",
    "sysctl -w net.bridge.bridge-nf-call-iptables=0 net.bridge.bridge-nf-call-ip6tables=0",
    "# Kubernetes needs it: leave it on a node of a cluster",
  );
};

const firewalld: Check = (host) => {
  if (processesNamed(host, "firewalld").length === 0) return undefined;
  return warn(
    "network.firewalld",
    "firewalld is running",
    "what it does not know it refuses: containers may reach nothing, and published ports may not be reached from outside",
    "firewall-cmd --permanent --zone=trusted --add-interface=berth0",
    "firewall-cmd --reload",
    "# and the same for each other network's bridge (berth network inspect NAME)",
  );
};

const ufw: Check = (host) => {
  if (!/^ENABLED=yes/m.test(host.read("/etc/ufw/ufw.conf") ?? "")) return undefined;
  if (/^DEFAULT_FORWARD_POLICY="ACCEPT"/m.test(host.read("/etc/default/ufw") ?? ""))
    return ok("network.ufw", "ufw is on, and lets routed packets pass");
  return warn(
    "network.ufw",
    "ufw is on, and drops routed packets",
    "containers reach nothing outside, and published ports are not reached from outside",
    "ufw route allow in on berth0 && ufw route allow out on berth0",
    "# and the same for each other network's bridge (berth network inspect NAME)",
  );
};

/** Chains of `nft list chains` that see routed packets and drop what no rule has let pass. */
export function droppingChains(listing: string): string[] {
  const found: string[] = [];
  let table = "";
  let chain = "";
  for (const line of listing.split("\n")) {
    table = /^table (\S+ \S+) \{/.exec(line)?.[1] ?? table;
    chain = /^\s+chain (\S+) \{/.exec(line)?.[1] ?? chain;
    if (/hook forward .*policy drop/.test(line)) found.push(`${table} ${chain}`);
  }
  return found;
}

const forwardPolicy: Check = async (host) => {
  const id = "network.forward-policy";
  const nft = host.find("nft");
  if (!isRoot(host)) return skip(id, "only root sees which firewalls drop routed packets");
  if (nft === undefined) return undefined;
  const { code, stdout, stderr } = await host.run(nft, ["list", "chains"]);
  if (code !== 0) {
    return fail(
      id,
      `nftables does not work: ${stderr.trim().split("\n")[0] ?? ""}`,
      "ports are published and networks kept apart by its rules",
      "modprobe nf_tables",
    );
  }
  const dropping = droppingChains(stdout).filter((chain) => !/^inet berth/.test(chain));
  if (dropping.length === 0) return ok(id, "no firewall drops routed packets");
  // Beside Docker the engine adds what its bridges need.
  if (stdout.includes("chain DOCKER-USER") && dropping.every((chain) => /^ip6? filter FORWARD$/.test(chain)))
    return ok(id, "Docker drops routed packets; the engine lets those of its own bridges pass");
  return warn(
    id,
    `routed packets are dropped by: ${dropping.join(", ")}`,
    "a drop anywhere is final: containers reach nothing outside, and published ports are not reached from outside",
    ...dropping.flatMap((chain) => [
      `nft insert rule ${chain} iifname "berth0" accept`,
      `nft insert rule ${chain} oifname "berth0" accept`,
    ]),
    "# and the same for each other network's bridge; lasting: in the firewall's own configuration",
  );
};

const resolvers: Check = (host) => {
  const id = "network.resolvers";
  const servers = nameServers(host.read("/etc/resolv.conf") ?? "");
  if (servers.length === 0) {
    return warn(
      id,
      "/etc/resolv.conf names no server",
      "names do not resolve, for pulls and in containers",
      'echo "nameserver 9.9.9.9" >> /etc/resolv.conf',
      '# or for containers alone: "dns": ["9.9.9.9"] in /etc/berth/daemon.json',
    );
  }
  return ok(id, `name servers: ${servers.join(", ")}`);
};

function nameServers(text: string): string[] {
  return [...text.matchAll(/^\s*nameserver\s+(\S+)/gm)].map((match) => match[1]!);
}

export const NETWORK: readonly Check[] = [
  modules,
  forwarding,
  bridgeFilter,
  firewalld,
  ufw,
  forwardPolicy,
  resolvers,
];
