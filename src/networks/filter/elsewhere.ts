import { parseAddress } from "../cidr.ts";
import { collide, type PublishedPort } from "../ports/requests.ts";

/** Who has a port, as a person would be told; undefined where nobody has. */
export type HolderOf = (port: PublishedPort) => string | undefined;

/** As much of nft as this needs. */
export interface Lister {
  /** @returns what `list` commands printed */
  run(script: string): string;
}

const MAPS = ["published4", "published4_any", "published6", "published6_any"] as const;
const PROTOCOLS = new Set(["tcp", "udp", "sctp"]);

/**
 * What the tables of this host's other daemons publish. While a daemon lives its sockets hold its ports; when it has
 * died its containers go on, and so do the rules that lead there, but nobody holds anything: a daemon that took such a
 * port would meet the other's connections halfway.
 */
export function publishedElsewhere(nft: Lister, ownTable: string): HolderOf {
  const tables = listed(nft, "list tables inet\n").matchAll(/^table inet (berth(?:-[0-9a-f]{8})?)$/gm);
  const ports = new Map<string, { readonly port: PublishedPort; readonly table: string }[]>();
  for (const [, table = ""] of tables) {
    if (table === ownTable) continue;
    for (const map of MAPS) {
      for (const port of portsIn(listed(nft, `list map inet ${table} ${map}\n`), map)) {
        const key = keyOf(port);
        ports.set(key, [...(ports.get(key) ?? []), { port, table }]);
      }
    }
  }
  return (wanted) => {
    const found = ports.get(keyOf(wanted))?.find(({ port }) => collide(port.hostAddress, wanted.hostAddress));
    return found === undefined ? undefined : `a container of another daemon (nft table ${found.table})`;
  };
}

/** Nothing where it cannot be listed: the table has gone meanwhile, or is made otherwise than ours. */
function listed(nft: Lister, command: string): string {
  try {
    return nft.run(command);
  } catch {
    return "";
  }
}

/** Elements as nft prints them: `tcp . 8080 : 172.17.0.2 . 80`, with the host's address in between where there is one. */
function portsIn(listing: string, map: (typeof MAPS)[number]): PublishedPort[] {
  const any = parseAddress(map.startsWith("published6") ? "::" : "0.0.0.0");
  const elements = listing.matchAll(/\b(\w+) \. (?:([0-9a-f.:]+) \. )?(\d+) : \S+ \. (\d+)/g);
  return [...elements].flatMap(([, protocol = "", address, hostPort, port]) => {
    if (!PROTOCOLS.has(protocol)) return [];
    const container = { protocol: protocol as PublishedPort["container"]["protocol"], port: Number(port) };
    return [
      {
        container,
        hostAddress: address === undefined ? any : parseAddress(address),
        hostPort: Number(hostPort),
      },
    ];
  });
}

const keyOf = ({ container, hostPort }: PublishedPort) => `${container.protocol} ${hostPort}`;
