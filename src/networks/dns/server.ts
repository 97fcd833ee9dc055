import type { Socket } from "bun";
import { inNetworkNamespace, Nftables } from "../../linux/index.ts";
import type { NamespaceHandle } from "../host.ts";
import { startIn } from "../host.ts";
import type { Resolver } from "./resolver.ts";
import { firstMessage, framed } from "./upstream.ts";

/** Where every container on a user-defined network finds its name server, as in Docker. */
export const DNS_ADDRESS = "127.0.0.11";
const TABLE = "berth_names";
/** Connections of one container; a resolver needs one or two. */
const CONNECTIONS_MAX = 32;
const IDLE_SECONDS = 10;
const TCP_BYTES_MAX = 65535 + 2;

/** Sockets in a container's namespace that answer its questions. They keep the namespace, so close them with it. */
export interface DnsServer extends Disposable {
  close(): void;
}

/**
 * Listens on 127.0.0.11 of a namespace. Port 53 itself stays free for the container's own name server, if it is one:
 * packets for it are re-addressed on their way to a port of ours and back, without connection tracking, which the
 * container would pay for with all of its other traffic.
 */
export async function serveNames(namespace: NamespaceHandle, resolver: Resolver): Promise<DnsServer> {
  using nft = Nftables.open(namespace);
  const earlier = redirectedPorts(nft);
  if (earlier !== undefined) {
    const again = await listen(namespace, resolver, earlier).catch(() => undefined);
    if (again !== undefined) return again;
    nft.run(`delete table ip ${TABLE}\n`);
  }
  const server = await listen(namespace, resolver, { udp: 0, tcp: 0 });
  try {
    nft.run(redirection(server.ports));
    return server;
  } catch (error) {
    server.close();
    throw error;
  }
}

/** Both sockets or none. */
async function listen(
  namespace: NamespaceHandle,
  resolver: Resolver,
  ports: Ports,
): Promise<DnsServer & { readonly ports: Ports }> {
  const udp = await startIn(namespace, () => listenUdp(resolver, ports.udp));
  try {
    const tcp = listenTcp(namespace, resolver, ports.tcp);
    const close = () => {
      udp.close();
      tcp.stop(true);
    };
    return { ports: { udp: udp.port, tcp: tcp.port }, close, [Symbol.dispose]: close };
  } catch (error) {
    udp.close();
    throw error;
  }
}

interface Ports {
  readonly udp: number;
  readonly tcp: number;
}

/** Where an earlier daemon listened: the same ports need no new rules, which are slow to replace. */
function redirectedPorts(nft: Nftables): Ports | undefined {
  let listing: string;
  try {
    listing = nft.run(`list chain ip ${TABLE} output\n`);
  } catch {
    return undefined;
  }
  const port = (protocol: string) => Number(new RegExp(`${protocol} dport set (\\d+)`).exec(listing)?.[1]);
  const ports = { udp: port("udp"), tcp: port("tcp") };
  return ports.udp > 0 && ports.tcp > 0 ? ports : undefined;
}

function listenUdp(resolver: Resolver, port = 0) {
  return Bun.udpSocket({
    hostname: DNS_ADDRESS,
    port,
    socket: {
      data(socket, bytes, port, address) {
        // The bytes are only ours during the call.
        void resolver.answer(Uint8Array.from(bytes), "udp").then((answer) => {
          if (answer !== undefined && !socket.closed) socket.send(answer, port, address);
        });
      },
      error() {},
    },
  });
}

interface Client {
  heard: Uint8Array;
}

function listenTcp(namespace: NamespaceHandle, resolver: Resolver, port = 0) {
  let connections = 0;
  const listen = () =>
    Bun.listen<Client>({
      hostname: DNS_ADDRESS,
      port,
      socket: {
        open(socket) {
          socket.data = { heard: new Uint8Array() };
          socket.timeout(IDLE_SECONDS);
          if (++connections > CONNECTIONS_MAX) socket.terminate();
        },
        data: (socket, bytes) => hear(socket, bytes, resolver),
        timeout: (socket) => void socket.terminate(),
        close() {
          connections--;
        },
        error() {},
      },
    });
  return inNetworkNamespace(namespace, listen);
}

/** One question after the other; what does not become one is hung up on. */
function hear(socket: Socket<Client>, bytes: Uint8Array, resolver: Resolver): void {
  socket.data.heard = Buffer.concat([socket.data.heard, bytes]);
  for (;;) {
    const query = firstMessage(socket.data.heard);
    if (query === undefined) break;
    socket.data.heard = socket.data.heard.slice(2 + query.length);
    void resolver.answer(query, "tcp").then((answer) => {
      if (answer === undefined) socket.terminate();
      else socket.write(framed(answer));
    });
  }
  if (socket.data.heard.length > TCP_BYTES_MAX) socket.terminate();
}

/**
 * While the daemon is away nobody listens. The kernel's "port unreachable" is kept back then: a resolver that hears
 * nothing asks again, one that is refused gives up.
 */
function redirection(ports: Ports): string {
  const rules = (["udp", "tcp"] as const).map(
    (protocol) => `    ip daddr ${DNS_ADDRESS} ${protocol} dport 53 ${protocol} dport set ${ports[protocol]}
    ip saddr ${DNS_ADDRESS} ${protocol} sport ${ports[protocol]} ${protocol} sport set 53
`,
  );
  return `table ip ${TABLE} {
  chain output {
    type filter hook output priority raw; policy accept;
${rules.join("")}    ip saddr ${DNS_ADDRESS} icmp type destination-unreachable drop
  }
}
`;
}
