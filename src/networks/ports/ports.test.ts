import { afterEach, describe, expect, test } from "bun:test";
import { formatAddress, parseAddress } from "../cidr.ts";
import { HostPorts, type PortOwner } from "./host-ports.ts";
import { exposedPorts, type PublishedPort, readPortRequests } from "./requests.ts";

const wishes = (
  portBindings: Record<string, { HostIp?: string; HostPort?: string }[] | null>,
  more = {},
) => ({
  exposedPorts: [],
  portBindings,
  publishAllPorts: false,
  ...more,
});

describe("what a container asks for", () => {
  test("all forms of a binding", () => {
    expect(
      readPortRequests(
        wishes({
          "80/tcp": [{ HostPort: "8080" }, { HostIp: "127.0.0.1", HostPort: "" }],
          "53/udp": [{ HostIp: "::", HostPort: "5300-5310" }],
          "9/sctp": [{ HostIp: "[fd00::1]", HostPort: "0" }],
          "7": [{}],
          "8/tcp": null,
        }),
      ),
    ).toEqual([
      { container: { port: 7, protocol: "tcp" } },
      { container: { port: 80, protocol: "tcp" }, hostPorts: { first: 8080, last: 8080 } },
      { container: { port: 80, protocol: "tcp" }, hostAddress: parseAddress("127.0.0.1") },
      {
        container: { port: 53, protocol: "udp" },
        hostAddress: parseAddress("::"),
        hostPorts: { first: 5300, last: 5310 },
      },
      { container: { port: 9, protocol: "sctp" }, hostAddress: parseAddress("fd00::1") },
    ]);
  });

  test("-P publishes what is exposed and has no binding of its own", () => {
    const asked = wishes(
      { "80/tcp": [{ HostPort: "8080" }] },
      { publishAllPorts: true, exposedPorts: ["80/tcp", "81-82/tcp", "53/udp"] },
    );
    expect(readPortRequests(asked).map((r) => `${r.container.port}/${r.container.protocol}`)).toEqual([
      "80/tcp",
      "81/tcp",
      "82/tcp",
      "53/udp",
    ]);
    expect(exposedPorts(asked)).toHaveLength(4);
  });

  test("the daemon's default address is used where a binding has none", () => {
    const defaultHostAddress = parseAddress("127.0.0.1");
    const [request] = readPortRequests(wishes({ "80/tcp": [{ HostPort: "80" }] }, { defaultHostAddress }));
    expect(request?.hostAddress).toEqual(defaultHostAddress);
  });

  test.each([
    [{ "80/foo": [{}] }, "invalid proto: foo"],
    [{ "80-81/tcp": [{}] }, 'invalid port specification: "80-81/tcp"'],
    [{ "0/tcp": [{}] }, "invalid port specification"],
    [{ "65536/tcp": [{}] }, "invalid port specification"],
    [{ "x/tcp": [{}] }, "invalid port specification"],
    [{ "80/tcp/tcp": [{}] }, "invalid proto"],
    [{ "80/tcp": [{ HostPort: "x" }] }, "invalid hostPort: x"],
    [{ "80/tcp": [{ HostPort: "9-8" }] }, "invalid hostPort"],
    [{ "80/tcp": [{ HostPort: "70000" }] }, "invalid hostPort"],
    [{ "80/tcp": [{ HostIp: "localhost" }] }, "invalid host IP address: localhost"],
  ])("%j is refused", (bindings, message) => {
    expect(() => readPortRequests(wishes(bindings))).toThrow(message);
  });
});

describe("HostPorts", () => {
  const open: HostPorts[] = [];
  const hostPorts = (hasIpv6 = true) => {
    const ports = new HostPorts({ host: { run: (work) => work(), start: (begin) => begin() }, hasIpv6 });
    open.push(ports);
    return ports;
  };
  afterEach(() => {
    for (const ports of open.splice(0)) ports.close();
  });
  const owner = (name = "web"): PortOwner => ({ containerId: name, name, ipv4: parseAddress("127.0.0.1") });
  const request = (hostIp: string, hostPort: string, container = "80/tcp") =>
    readPortRequests(wishes({ [container]: [{ HostIp: hostIp, HostPort: hostPort }] }));
  const texts = (ports: PublishedPort[]) => ports.map((p) => `${formatAddress(p.hostAddress)} ${p.hostPort}`);

  test("a port without an address is taken on both families, and really taken", async () => {
    const ports = hostPorts();
    const [first, second] = await ports.reserve(request("", ""), owner());
    expect(first!.hostPort).toBe(second!.hostPort);
    expect(texts([first!, second!])[1]).toStartWith(":: ");
    const listen = (hostname: string) => () =>
      Bun.listen({ hostname, port: first!.hostPort, socket: { data() {} } });
    expect(listen("0.0.0.0")).toThrow();
    ports.release([first!, second!]);
    listen("0.0.0.0")().stop();
  });

  test("daemons beside each other begin at different ephemeral ports", async () => {
    const given = new Set<number>();
    for (let count = 0; count < 5; count++) {
      const ports = hostPorts();
      const [mine] = await ports.reserve(request("127.0.0.1", ""), owner());
      given.add(mine!.hostPort);
      ports.close();
    }
    expect(given.size).toBeGreaterThan(1);
  });

  test("says which container has a port, on any address that collides", async () => {
    const ports = hostPorts();
    const [mine] = await ports.reserve(request("127.0.0.1", ""), owner("first"));
    const port = String(mine!.hostPort);
    for (const address of ["127.0.0.1", "0.0.0.0", ""]) {
      await expect(ports.reserve(request(address, port), owner("second"))).rejects.toThrow(
        `:${port} failed: port is already allocated by container first`,
      );
    }
    const other = await ports.reserve(request("127.0.0.2", port), owner("second"));
    expect(texts(other)).toEqual([`127.0.0.2 ${port}`]);
    const udp = await ports.reserve(request("127.0.0.1", port, "80/udp"), owner("second"));
    expect(udp).toHaveLength(1);
  });

  test("says which program has a port", async () => {
    const squatter = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    try {
      await expect(hostPorts().reserve(request("127.0.0.1", String(squatter.port)), owner())).rejects.toThrow(
        new RegExp(
          `^Bind for 127.0.0.1:${squatter.port} failed: port is already allocated by .+ \\(pid ${process.pid}\\)$`,
        ),
      );
    } finally {
      squatter.stop();
    }
  });

  test("of a range the first free one is taken, until none is", async () => {
    const ports = hostPorts(false);
    const base = await ports.reserve(request("127.0.0.1", ""), owner());
    const first = base[0]!.hostPort;
    ports.release(base);
    const range = `${first}-${first + 1}`;
    const take = async () => (await ports.reserve(request("127.0.0.1", range), owner()))[0]!.hostPort;
    expect([await take(), await take()]).toEqual([first, first + 1]);
    await expect(take()).rejects.toThrow(`Bind for 127.0.0.1:${range} failed: port is already allocated`);
  });

  test("takes all or nothing", async () => {
    const ports = hostPorts();
    const squatter = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    const both = [
      ...request("127.0.0.2", String(squatter.port)),
      ...request("127.0.0.1", String(squatter.port)),
    ];
    expect(await ports.reserve(both, owner()).catch((error: Error) => error.message)).toContain(
      "already allocated",
    );
    squatter.stop();
    expect(await ports.reserve(both, owner())).toHaveLength(2);
  });

  test("two that ask at once never get the same", async () => {
    const ports = hostPorts();
    const got = await Promise.all(
      Array.from({ length: 20 }, (_, i) => ports.reserve(request("127.0.0.1", "", "9/udp"), owner(`c${i}`))),
    );
    expect(new Set(got.map((list) => list[0]!.hostPort)).size).toBe(20);
  });

  test("an address that the host does not have", async () => {
    await expect(hostPorts().reserve(request("203.0.113.9", "8080"), owner())).rejects.toThrow(
      "failed to bind host port 203.0.113.9:8080/tcp: cannot assign requested address",
    );
  });

  test("what reaches the socket itself is forwarded, whole and in both directions", async () => {
    const received: Uint8Array[] = [];
    const server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      async fetch(req) {
        received.push(new Uint8Array(await req.arrayBuffer()));
        return new Response(received[0]);
      },
    });
    try {
      const ports = hostPorts();
      const [published] = await ports.reserve(request("::1", "", `${server.port}/tcp`), owner());
      const body = crypto.getRandomValues(new Uint8Array(65536));
      const big = Buffer.concat(Array.from({ length: 64 }, () => body));
      const answer = await fetch(`http://[::1]:${published!.hostPort}/`, { method: "POST", body: big });
      expect(Buffer.from(await answer.arrayBuffer()).equals(big)).toBe(true);
      expect(received[0]?.length).toBe(big.length);
    } finally {
      server.stop(true);
    }
  });

  test("UDP by IPv6 is forwarded to a container without it, to each client his own answers", async () => {
    const server = await Bun.udpSocket({
      hostname: "127.0.0.1",
      socket: {
        data: (self, bytes, port, address) => void self.send(`${bytes} from ${port}`, port, address),
      },
    });
    const client = async (target: number) => {
      let heard = Promise.withResolvers<string>();
      const socket = await Bun.udpSocket({
        hostname: "::",
        connect: { hostname: "::1", port: target },
        socket: { data: (_self, bytes) => heard.resolve(bytes.toString()), error() {} },
      });
      const ask = (question: string) => {
        heard = Promise.withResolvers();
        socket.send(question);
        return heard.promise;
      };
      return { ask, [Symbol.dispose]: () => socket.close() };
    };
    try {
      const ports = hostPorts();
      const both = await ports.reserve(request("", "", `${server.port}/udp`), owner());
      const published = both[1]!.hostPort;
      expect(texts(both)).toEqual([`0.0.0.0 ${published}`, `:: ${published}`]);
      using one = await client(published);
      using two = await client(published);
      const [first, second] = await Promise.all([one.ask("one"), two.ask("two")]);
      expect(first).toMatch(/^one from \d+$/);
      expect(second).toMatch(/^two from \d+$/);
      // The container tells them apart, and each of them stays who he is.
      expect(first.split(" ").at(-1)).not.toBe(second.split(" ").at(-1)!);
      expect(await one.ask("one")).toBe(first);
      const take = () => Bun.udpSocket({ hostname: "::", port: published, socket: { data() {} } });
      expect(take).toThrow("EADDRINUSE");
      ports.release(both);
      (await take()).close();
    } finally {
      server.close();
    }
  });

  test("a container that does not answer makes the forwarded connection fail, not hang", async () => {
    const closed = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    closed.stop(true);
    const [published] = await hostPorts().reserve(request("::1", "", `${closed.port}/tcp`), owner());
    await expect(fetch(`http://[::1]:${published!.hostPort}/`)).rejects.toThrow();
  });

  test("a port that is lost while the daemon was away is reported and still known", async () => {
    const squatter = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    try {
      const port: PublishedPort = {
        container: { port: 80, protocol: "tcp" },
        hostAddress: parseAddress("127.0.0.1"),
        hostPort: squatter.port,
      };
      const ports = hostPorts();
      expect(await ports.restore([port], owner("first"))).toEqual([port]);
      await expect(ports.reserve(request("127.0.0.1", String(squatter.port)), owner())).rejects.toThrow(
        "container first",
      );
    } finally {
      squatter.stop(true);
    }
  });
});
