import { expect, test } from "bun:test";
import { inNetworkNamespace, type NetworkNamespace, Nftables } from "../../linux/index.ts";
import { openEngine, publish, request, TestLan } from "../testing.ts";

/**
 * Sends an SCTP INIT (RFC 9260), which needs no SCTP in the kernel. Arguments: address and port. Connection tracking
 * looks at the checksum, which is CRC32c.
 */
const SEND = `
use Socket;
my ($address, $port) = @ARGV;
my $chunk = pack("CCnNNnnN", 1, 0, 20, 0x1234, 65536, 1, 1, 1);
my $head = pack("nnN", 40000, $port, 0);
my $crc = 0xffffffff;
for my $byte (unpack("C*", $head . pack("N", 0) . $chunk)) {
  $crc ^= $byte;
  $crc = $crc & 1 ? ($crc >> 1) ^ 0x82f63b78 : $crc >> 1 for 1 .. 8;
}
socket(my $socket, PF_INET, SOCK_RAW, 132) or die "socket: $!";
send($socket, $head . pack("V", $crc ^ 0xffffffff) . $chunk, 0, pack_sockaddr_in(0, inet_aton($address))) or die "send: $!";
`;

const sendInit = (from: NetworkNamespace, address: string, port: number) =>
  inNetworkNamespace(from, () => {
    const sent = Bun.spawnSync(["perl", "-e", SEND, address, String(port)]);
    expect(sent.stderr.toString()).toBe("");
  });

/** From whom SCTP packets have come to a port in the namespace, in order. */
function watch(namespace: NetworkNamespace, port: number) {
  const nft = Nftables.open(namespace);
  nft.run(`table ip watch${port} {
    set from { type ipv4_addr; flags dynamic; size 16; };
    chain in { type filter hook input priority 0; policy accept; sctp dport ${port} add @from { ip saddr }; }
  }\n`);
  return {
    seen: () =>
      nft
        .run(`list set ip watch${port} from\n`)
        .match(/\d+\.\d+\.\d+\.\d+/g)
        ?.toSorted() ?? [],
    [Symbol.dispose]: () => nft.close(),
  };
}

test("SCTP is led to the container that publishes it, from elsewhere and from the host", async () => {
  using lan = new TestLan();
  await using engine = openEngine(lan);
  await engine.networks.restore([]);
  const sandbox = await engine.networks.attach(
    request("sctp", publish(":9000:9/sctp", "127.0.0.1:9001:10/sctp")),
  );
  using namespace = sandbox.namespace!;
  using open = watch(namespace, 9);
  using local = watch(namespace, 10);
  sendInit(lan.neighbour, "10.9.0.1", 9000);
  expect(open.seen()).toEqual(["10.9.0.2"]);
  sendInit(lan.neighbour, "10.9.0.1", 9001);
  sendInit(lan.neighbour, "172.17.0.2", 9);
  expect(open.seen()).toEqual(["10.9.0.2"]);
  expect(local.seen()).toEqual([]);
  sendInit(lan.host, "127.0.0.1", 9000);
  sendInit(lan.host, "127.0.0.1", 9001);
  expect(open.seen()).toEqual(["10.9.0.2", "172.17.0.1"]);
  expect(local.seen()).toEqual(["172.17.0.1"]);
  await engine.networks.release(request("sctp").containerId);
});
