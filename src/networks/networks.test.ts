import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { ConnectionTracking, Nftables } from "../linux/index.ts";
import { Database } from "../store/index.ts";
import { NetworkHost } from "./host.ts";
import type { NetworkSandbox } from "./sandbox.ts";
import {
  echo,
  openEngine,
  probe,
  probeUdp,
  publish,
  request,
  sendUdp,
  serve,
  serveUdp,
  type TestEngine,
  TestLan,
  talk,
} from "./testing.ts";

describe("a published port", () => {
  let lan: TestLan;
  let engine: TestEngine;
  let web: NetworkSandbox;
  let other: NetworkSandbox;
  const servers: Disposable[] = [];

  beforeAll(async () => {
    lan = new TestLan();
    engine = openEngine(lan);
    await engine.networks.restore([]);
    web = await engine.networks.attach(
      request(
        "web",
        publish(":8080:80/tcp", "127.0.0.1:8081:80/tcp", "10.9.0.1:8082:80/tcp", "[::1]:8083:80/tcp"),
      ),
    );
    other = await engine.networks.attach(request("other"));
    servers.push(serve(web.namespace!, 80, "web"), serve(web.namespace!, 81, "hidden"));
  });
  afterAll(async () => {
    for (const server of servers) server[Symbol.dispose]();
    web?.namespace?.close();
    other?.namespace?.close();
    await engine?.networks.release(request("web").containerId);
    await engine?.networks.release(request("other").containerId);
    await engine?.[Symbol.asyncDispose]();
    lan?.[Symbol.dispose]();
  });

  test.each([
    ["the host, by 127.0.0.1", () => probe(lan.host, "127.0.0.1", 8080), "web 172.17.0.1"],
    ["the host, by another loopback address", () => probe(lan.host, "127.0.0.9", 8080), "web 172.17.0.1"],
    ["the host, by its LAN address", () => probe(lan.host, "10.9.0.1", 8080), "web 10.9.0.1"],
    ["the host, by the bridge's address", () => probe(lan.host, "172.17.0.1", 8080), "web 172.17.0.1"],
    ["the host, by ::1", () => probe(lan.host, "::1", 8080), "web 172.17.0.1"],
    ["the host, by its LAN address of IPv6", () => probe(lan.host, "fd09::1", 8080), "web 172.17.0.1"],
    ["the neighbour, who is seen as himself", () => probe(lan.neighbour, "10.9.0.1", 8080), "web 10.9.0.2"],
    ["the neighbour, by IPv6", () => probe(lan.neighbour, "fd09::1", 8080), "web 172.17.0.1"],
    ["the container itself", () => probe(web.namespace!, "10.9.0.1", 8080), "web 172.17.0.1"],
    ["another container", () => probe(other.namespace!, "10.9.0.1", 8080), "web 172.17.0.1"],
    [
      "another container, by its gateway",
      () => probe(other.namespace!, "172.17.0.1", 8080),
      "web 172.17.0.1",
    ],
  ])("is reached by %s", async (_who, ask, answer) => {
    expect(await ask()).toBe(answer);
  });

  test("on 127.0.0.1 is reached from the host by that address, and from nowhere else", async () => {
    expect(await probe(lan.host, "127.0.0.1", 8081)).toBe("web 172.17.0.1");
    for (const [from, to] of [
      [lan.host, "10.9.0.1"],
      [lan.host, "::1"],
      [lan.host, "127.0.0.2"],
      [lan.neighbour, "10.9.0.1"],
      [lan.neighbour, "172.17.0.1"],
      [other.namespace!, "172.17.0.1"],
    ] as const) {
      expect(await probe(from, to, 8081)).toBe("refused");
    }
  });

  test("on one address is reached by that one", async () => {
    expect(await probe(lan.neighbour, "10.9.0.1", 8082)).toBe("web 10.9.0.2");
    expect(await probe(lan.host, "127.0.0.1", 8082)).toBe("refused");
  });

  test("on ::1 is reached from the host", async () => {
    expect(await probe(lan.host, "::1", 8083)).toBe("web 172.17.0.1");
    expect(await probe(lan.neighbour, "fd09::1", 8083)).toBe("refused");
  });

  test("what is not published is reached by containers of the network and by the host only", async () => {
    expect(await probe(lan.host, "172.17.0.2", 81)).toBe("hidden 172.17.0.1");
    expect(await probe(other.namespace!, "172.17.0.2", 81)).toBe("hidden 172.17.0.3");
    // The neighbour routes to the container directly; its published port is no way in either.
    expect(await probe(lan.neighbour, "172.17.0.2", 81)).toBe("silence");
    expect(await probe(lan.neighbour, "172.17.0.2", 80)).toBe("silence");
  });
});

/** One engine on one host for one test, with undo for whatever the test makes. */
async function world(options: Parameters<typeof openEngine>[1] = {}) {
  const undo = new AsyncDisposableStack();
  const lan = undo.use(new TestLan());
  const engine = undo.use(openEngine(lan, options));
  await engine.networks.restore([]);
  const run = async (name: string, more: Parameters<typeof request>[1] = {}) => {
    const wanted = request(name, more);
    const sandbox = await engine.networks.attach(wanted);
    undo.defer(() => engine.networks.release(wanted.containerId));
    undo.defer(() => sandbox.namespace?.close());
    return { ...sandbox, namespace: sandbox.namespace!, id: wanted.containerId, wanted };
  };
  return { undo, lan, engine, run, [Symbol.asyncDispose]: () => undo.disposeAsync() };
}

const nft = (lan: TestLan, script: string) => {
  using tool = Nftables.open(lan.host);
  return tool.run(script);
};

describe("a neighbour on the LAN", () => {
  test("who sends packets for 127.0.0.1 does not reach a port that is published there (moby#41872, moby#45610)", async () => {
    await using w = await world();
    const web = await w.run("web", publish("127.0.0.1:8080:80/tcp", ":8081:80/tcp"));
    using _server = serve(web.namespace, 80, "web");
    // The neighbour gives up its own loopback, and routes those addresses to the host (moby#45610).
    w.lan.neighbour.routes.removeAddress("lo", "127.0.0.1/8");
    using neighbour = new NetworkHost(w.lan.neighbour);
    neighbour.setSysctl("ipv4/conf/all/route_localnet", "1");
    neighbour.routes.addRoute({ destination: "127.0.0.0/8", gateway: "10.9.0.1" });
    expect(await probe(w.lan.neighbour, "127.0.0.1", 8080)).toBe("silence");
    expect(await probe(w.lan.neighbour, "127.0.0.1", 8081)).toBe("silence");
    expect(await probe(w.lan.neighbour, "10.9.0.1", 8081)).toBe("web 10.9.0.2");
  });

  test("does not get the host's own loopback services from a container either", async () => {
    await using w = await world();
    const evil = await w.run("evil");
    using _server = serve(w.lan.host, 7000, "secret", "127.0.0.1");
    evil.namespace.routes.removeAddress("lo", "127.0.0.1/8");
    using inside = new NetworkHost(evil.namespace);
    inside.setSysctl("ipv4/conf/all/route_localnet", "1");
    inside.routes.addRoute({ destination: "127.0.0.0/8", gateway: "172.17.0.1" });
    expect(await probe(evil.namespace, "127.0.0.1", 7000)).toBe("silence");
    // Also while somebody has flushed the rules: nothing depended on them.
    nft(w.lan, "flush ruleset\n");
    expect(await probe(evil.namespace, "127.0.0.1", 7000)).toBe("silence");
  });

  test("cannot use the host as a router that it was not before", async () => {
    await using w = await world();
    const { createNetworkNamespace } = await import("../linux/index.ts");
    using behind = createNetworkNamespace();
    w.lan.host.routes.createVeth({ name: "dmz0", peerName: "eth0", peerNamespace: behind });
    w.lan.host.routes.addAddress("dmz0", "10.8.0.1/24");
    behind.routes.configure("eth0", { addresses: ["10.8.0.2/24"], routes: [{ gateway: "10.8.0.1" }] });
    using _server = serve(behind, 80, "dmz");
    // A veth stands for an Ethernet card here, and came after forwarding was turned on: say that it was there.
    nft(w.lan, 'add element inet berth apart4 { "lan0", "dmz0" }\n');
    expect(await probe(w.lan.neighbour, "10.8.0.2", 80)).toBe("silence");
    expect(await probe(w.lan.host, "10.8.0.2", 80)).toBe("dmz 10.8.0.1");
  });
});

describe("a container", () => {
  test("reaches the outside with the host's address", async () => {
    await using w = await world();
    const client = await w.run("client");
    using _server = serve(w.lan.neighbour, 80, "outside");
    expect(await probe(client.namespace, "10.9.0.2", 80)).toBe("outside 10.9.0.1");
  });

  test("has no IPv6 that nobody gave it, and listens to no router (CVE-2024-32473, CVE-2020-13401)", async () => {
    await using w = await world();
    const { namespace } = await w.run("plain");
    using inside = new NetworkHost(namespace);
    expect(inside.sysctl("ipv6/conf/eth0/disable_ipv6")).toBe("1");
    expect(inside.sysctl("ipv6/conf/eth0/accept_ra")).toBe("0");
    expect(
      namespace.routes
        .addresses()
        .map(({ address }) => address)
        .sort(),
    ).toEqual(["127.0.0.1", "172.17.0.2", "::1"]);
  });

  test("has the hardware address that belongs to its address, or the one that was asked for", async () => {
    await using w = await world();
    const own = await w.run("own");
    expect(own.namespace.routes.link("eth0")).toMatchObject({
      mac: "02:42:ac:11:00:02",
      mtu: 1500,
      up: true,
    });
    const asked = await w.run("asked", { macAddress: "92-D0-C6-0A-29-33" });
    expect(asked.namespace.routes.link("eth0")?.mac).toBe("92:d0:c6:0a:29:33");
    expect(asked.settings.MacAddress).toBe("92:d0:c6:0a:29:33");
    const bad = { networkMode: "bridge", networking: {}, portBindings: {}, macAddress: "nonsense" };
    expect(() => w.engine.networks.validate(bad)).toThrow('invalid MAC address: "nonsense"');
  });

  test("on the host's network or on none", async () => {
    await using w = await world();
    const shared = await w.run("shared", { networkMode: "host" });
    expect(shared.namespace).toBeUndefined();
    expect(Object.keys(shared.settings.Networks ?? {})).toEqual(["host"]);
    const alone = await w.run("alone", { networkMode: "none", exposedPorts: ["80/tcp"] });
    expect(alone.namespace.routes.links().map(({ name }) => name)).toEqual(["lo"]);
    expect(alone.settings).toMatchObject({
      Ports: {},
      IPAddress: "",
      Networks: { none: { MacAddress: "" } },
    });
    expect(alone.hosts).toStartWith("127.0.0.1\tlocalhost\n");
  });

  test("is inspected as Docker shows it", async () => {
    await using w = await world();
    const { settings, id } = await w.run("web", {
      ...publish(":8080:80/tcp"),
      exposedPorts: ["80/tcp", "443/tcp"],
    });
    const network = w.engine.networks.inspect("bridge");
    const endpoint = {
      NetworkID: network.Id,
      Gateway: "172.17.0.1",
      IPAddress: "172.17.0.2",
      IPPrefixLen: 16,
      MacAddress: "02:42:ac:11:00:02",
      GlobalIPv6Address: "",
    };
    expect(settings).toMatchObject({
      Ports: {
        "80/tcp": [
          { HostIp: "0.0.0.0", HostPort: "8080" },
          { HostIp: "::", HostPort: "8080" },
        ],
        "443/tcp": null,
      },
      Gateway: "172.17.0.1",
      IPAddress: "172.17.0.2",
      Networks: { bridge: endpoint },
    });
    expect(settings.EndpointID).toMatch(/^[0-9a-f]{64}$/);
    expect(network).toMatchObject({
      Name: "bridge",
      Driver: "bridge",
      Scope: "local",
      IPAM: { Driver: "default", Config: [{ Subnet: "172.17.0.0/16", Gateway: "172.17.0.1" }] },
      Containers: { [id]: { Name: "web", IPv4Address: "172.17.0.2/16", MacAddress: "02:42:ac:11:00:02" } },
      Options: { "com.docker.network.bridge.name": "berth0", "com.docker.network.driver.mtu": "1500" },
    });
    expect(w.engine.networks.list().map(({ Name, Driver }) => [Name, Driver])).toEqual([
      ["bridge", "bridge"],
      ["host", "host"],
      ["none", "null"],
    ]);
    expect(w.engine.networks.inspect(network.Id.slice(0, 12)).Name).toBe("bridge");
    expect(() => w.engine.networks.inspect("nosuch")).toThrow("network nosuch not found");
    expect(w.engine.events.map(({ action, attributes }) => [action, attributes["name"]])).toEqual([
      ["connect", "bridge"],
    ]);
  });

  test("with --link knows the other by name and by environment", async () => {
    await using w = await world();
    const db = await w.run("db");
    const target = { id: db.id, name: "db", hostname: "db", exposedPorts: ["5432/tcp"], env: ["MODE=x"] };
    const web = await w.run("web", {
      links: [{ text: "db:store", target }],
      extraHosts: ["me:host-gateway"],
    });
    expect(web.hosts).toContain("172.17.0.1\tme\n172.17.0.2\tstore db\n172.17.0.3\tweb\n");
    expect(web.environment).toContain("STORE_PORT_5432_TCP_ADDR=172.17.0.2");
    expect(w.engine.networks.hostGateway()).toBe("172.17.0.1");
  });

  test("takes nothing with it that stays behind", async () => {
    await using w = await world();
    const before = w.lan.host.routes.links().length;
    for (let round = 0; round < 20; round++) {
      const wanted = request(`c${round}`, publish(":8080:80/tcp"));
      const { namespace } = await w.engine.networks.attach(wanted);
      namespace?.close();
      await w.engine.networks.release(wanted.containerId);
    }
    // The kernel reaps the pairs by and by.
    for (let wait = 0; wait < 500 && w.lan.host.routes.links().length > before; wait++) await Bun.sleep(10);
    expect(w.lan.host.routes.links()).toHaveLength(before);
    expect(w.engine.database.all("SELECT * FROM networks_endpoints")).toEqual([]);
    expect(nft(w.lan, "list map inet berth published4_any\n")).not.toContain("8080");
  });

  test("that cannot have its port leaves nothing, and says who has it", async () => {
    await using w = await world();
    await w.run("first", publish(":8080:80/tcp"));
    await expect(w.run("second", publish(":8080:80/tcp"))).rejects.toThrow(
      /^driver failed programming external connectivity on endpoint second \([0-9a-f]{64}\): Bind for 0.0.0.0:8080 failed: port is already allocated by container first$/,
    );
    expect(w.engine.networks.settings(request("second").containerId)).toBeUndefined();
    expect(Object.keys(w.engine.networks.inspect("bridge").Containers ?? {})).toHaveLength(1);
  });
});

describe("published UDP ports", () => {
  test("answer from the address that was asked, for the host and for others", async () => {
    await using w = await world();
    const dns = await w.run("dns", publish(":5353:53/udp", "127.0.0.1:5354:53/udp"));
    using _server = await serveUdp(dns.namespace, 53, "dns");
    expect(await probeUdp(w.lan.host, "127.0.0.1", 5353)).toBe("dns 172.17.0.1 from 127.0.0.1");
    expect(await probeUdp(w.lan.host, "127.0.0.1", 5354)).toBe("dns 172.17.0.1 from 127.0.0.1");
    expect(await probeUdp(w.lan.neighbour, "10.9.0.1", 5353)).toBe("dns 10.9.0.2 from 10.9.0.1");
    expect(await probeUdp(w.lan.neighbour, "10.9.0.1", 5354)).toBe("refused");
  });
});

describe("who sends by UDP from one port all the time", () => {
  test("is answered by a port of [::1], of a container with IPv6 and of one without", async () => {
    await using w = await world({ config: { ipv6: true, bip6: "fd77::1/64" } });
    const dns = await w.run("dns", publish("[::1]:5353:53/udp"));
    using _server = await serveUdp(dns.namespace, 53, "dns", "::");
    expect(await probeUdp(w.lan.host, "::1", 5353)).toBe("dns fd77::1 from ::1");
    expect(await probeUdp(w.lan.neighbour, "fd09::1", 5353)).toBe("refused");
  });

  test("reaches the container that has the host's port now", async () => {
    await using w = await world();
    const more = Array.from({ length: 20 }, (_, at) => `:${6000 + at}:${6000 + at}/udp`);
    await using client = await sendUdp(w.lan.neighbour, "10.9.0.1", 5353);
    // Before anybody is there: the host itself is who he talks to, and must not stay that.
    expect(await client.ask("hello")).toBe("silence");
    for (const name of ["first", "second", "third"]) {
      const dns = await w.run(name, publish(":5353:53/udp", ...more));
      using _server = await serveUdp(dns.namespace, 53, name);
      expect(await client.ask("hello")).toBe(`${name} 10.9.0.2`);
      expect(await client.ask("again")).toBe(`${name} 10.9.0.2`);
      dns.namespace.close();
      await w.engine.networks.release(request(name).containerId);
    }
    expect(await client.ask("anybody")).toBe("silence");
  });

  test("and those of other ports are left alone", async () => {
    await using w = await world();
    const dns = await w.run("dns", publish(":5353:53/udp"));
    using _server = await serveUdp(dns.namespace, 53, "dns");
    await using client = await sendUdp(w.lan.neighbour, "10.9.0.1", 5353);
    expect(await client.ask("hello")).toBe("dns 10.9.0.2");
    using tracking = new ConnectionTracking(w.lan.host);
    expect(tracking.forgetUdp(new Set([5354]))).toBe(0);
    expect(tracking.forgetUdp(new Set([5353]))).toBe(1);
    expect(tracking.forgetUdp(new Set(Array.from({ length: 20 }, (_, at) => 5350 + at)))).toBe(0);
    expect(await client.ask("hello")).toBe("dns 10.9.0.2");
    expect(tracking.forgetUdp(new Set(Array.from({ length: 20 }, (_, at) => 5350 + at)))).toBe(1);
  });
});

describe("the host", () => {
  test("two daemons that start at once get subnets of their own, kept apart", async () => {
    using lan = new TestLan();
    await using first = openEngine(lan, { name: "berth-11111111" });
    await using second = openEngine(lan, { name: "berth-22222222" });
    await Promise.all([first.networks.restore([]), second.networks.restore([])]);
    const a = await first.networks.attach(request("a", publish(":8080:80/tcp")));
    const b = await second.networks.attach(request("b"));
    using _a = a.namespace!;
    using _b = b.namespace!;
    expect([a.settings.IPAddress, b.settings.IPAddress].sort()).toEqual(["172.17.0.2", "172.18.0.2"]);
    using _server = serve(a.namespace!, 80, "a");
    expect(await probe(b.namespace!, a.settings.IPAddress!, 80)).toBe("silence");
    expect(await probe(b.namespace!, "10.9.0.1", 8080)).toStartWith("a 172.1");
    expect(
      await second.networks.attach(request("c", publish(":8080:80/tcp"))).catch((e: Error) => e.message),
    ).toMatch(/Bind for 0.0.0.0:8080 failed: port is already allocated/);
    await first.networks.release(request("a").containerId);
    await second.networks.release(request("b").containerId);
  });

  test("ports of a daemon that has died lead to its containers still, and are nobody else's", async () => {
    using lan = new TestLan();
    const database = Database.open(":memory:");
    const first = openEngine(lan, { name: "berth-11111111", database });
    const wanted = publish(":8080:80/tcp", "127.0.0.1:8081:80/tcp", ":8082:80/sctp", "10.9.0.1:8083:80/udp");
    const a = await first.networks.attach(request("a", wanted));
    using namespace = a.namespace!;
    using _server = echo(namespace, 80);
    await using before = await talk(lan.host, "127.0.0.1", 8080);
    expect(await before.say("hello")).toBe("hello");
    // Containers go on, and nobody holds their ports.
    await first[Symbol.asyncDispose]();

    await using second = openEngine(lan, { name: "berth-22222222" });
    const attach = (name: string, ...ports: string[]) =>
      second.networks.attach(request(name, publish(...ports)));
    for (const port of [
      ":8080:80/tcp",
      "127.0.0.1:8080:80/tcp",
      ":8081:80/tcp",
      ":8082:1/sctp",
      ":8083:1/udp",
    ]) {
      await expect(attach("b", port), port).rejects.toThrow(
        "port is already allocated by a container of another daemon (nft table berth-11111111)",
      );
    }
    const range = { portBindings: { "80/tcp": [{ HostIp: "", HostPort: "8080-8084" }] } };
    const b = await second.networks.attach(request("b", range));
    b.namespace!.close();
    expect(b.settings.Ports?.["80/tcp"]?.[0]?.HostPort).toBe("8082");
    expect(await before.say("still here")).toBe("still here");

    await using again = openEngine(lan, { name: "berth-11111111", database: Database.open(":memory:") });
    // Its containers have ended meanwhile.
    await again.networks.restore([]);
    const c = await attach("c", ":8080:80/tcp", ":8082:1/sctp");
    c.namespace!.close();
    for (const name of ["b", "c"]) await second.networks.release(request(name).containerId);
  });

  test("subnets that something uses are left alone", async () => {
    using lan = new TestLan();
    lan.host.routes.addRoute({ destination: "172.17.128.0/20", gateway: "10.9.0.2" });
    lan.host.routes.addAddress("lan0", "172.18.5.1/24");
    await using engine = openEngine(lan);
    await engine.networks.restore([]);
    expect(engine.networks.inspect("bridge").IPAM?.Config?.[0]?.Subnet).toBe("172.19.0.0/16");
  });

  test("the subnet of last time is left alone when somebody else has it by now", async () => {
    using lan = new TestLan();
    const database = Database.open(":memory:");
    const first = openEngine(lan, { database });
    await first.networks.restore([]);
    await first.networks.close();
    lan.host.routes.addAddress("lan0", "172.17.0.1/16");
    await using second = openEngine(lan, { database });
    await second.networks.restore([]);
    expect(second.networks.inspect("bridge").IPAM?.Config?.[0]?.Subnet).toBe("172.18.0.0/16");
  });

  test("containers that must not see one another do not (icc)", async () => {
    await using w = await world({ config: { icc: false } });
    const a = await w.run("a", publish(":8080:80/tcp"));
    const b = await w.run("b");
    using _server = serve(a.namespace, 80, "a");
    expect(await probe(b.namespace, "172.17.0.2", 80)).not.toStartWith("a ");
    expect(await probe(b.namespace, "10.9.0.1", 8080)).toBe("a 172.17.0.1");
    expect(await probe(w.lan.host, "172.17.0.2", 80)).toBe("a 172.17.0.1");
  });

  test("daemon.json's bip, fixed-cidr, mtu and ip", async () => {
    const config = { bip: "192.168.77.1/24", fixedCidr: "192.168.77.128/25", mtu: 1400, ip: "127.0.0.1" };
    await using w = await world({ config });
    const a = await w.run("a", publish(":8080:80/tcp"));
    expect(a.settings.IPAddress).toBe("192.168.77.128");
    expect(a.settings.Gateway).toBe("192.168.77.1");
    expect(a.namespace.routes.link("eth0")?.mtu).toBe(1400);
    expect(a.settings.Ports).toEqual({ "80/tcp": [{ HostIp: "127.0.0.1", HostPort: "8080" }] });
  });

  test("daemon.json's fixed-cidr alone is the subnet; ipv6, bip6 and default-gateway", async () => {
    const config = {
      fixedCidr: "192.168.78.0/24",
      defaultGateway: "192.168.78.9",
      ipv6: true,
      bip6: "fd77::1/64",
      fixedCidrV6: "fd77::8000/113",
      defaultGatewayV6: "fd77::9",
    };
    await using w = await world({ config });
    const a = await w.run("a", publish(":8080:80/tcp"));
    expect(a.settings).toMatchObject({
      IPAddress: "192.168.78.2",
      Gateway: "192.168.78.9",
      GlobalIPv6Address: "fd77::8000",
      IPv6Gateway: "fd77::9",
    });
    const b = await w.run("b", publish(":9080:80/tcp"));
    expect(b.settings.GlobalIPv6Address).toBe("fd77::8001");
    const ways = a.namespace.routes
      .routes()
      .flatMap((route) => (route.destination === "default" ? [route.gateway] : []));
    expect(ways.sort()).toEqual(["192.168.78.9", "fd77::9"]);
    // The host is on the network by its own address all the same.
    using _a = serve(a.namespace, 80, "a");
    expect(await probe(w.lan.host, "127.0.0.1", 8080)).toBe("a 192.168.78.1");
  });

  test('daemon.json\'s "bridge": "none" leaves containers of the default network alone', async () => {
    await using w = await world({ config: { bridge: "none" } });
    expect(w.engine.networks.list().map(({ Name }) => Name)).not.toContain("bridge");
    w.engine.networks.validate({ networkMode: "default", networking: {}, portBindings: {} });
    const a = await w.run("a", publish(":8080:80/tcp"));
    expect(a.namespace.routes.links().map(({ name }) => name)).toEqual(["lo"]);
    expect(a.settings.Networks).toEqual({});
    expect(w.lan.host.routes.link("berth0")).toBeUndefined();
  });

  test("daemon.json's bridge: one of the user's is used as it is, and left", async () => {
    const lan = new TestLan();
    try {
      const config = { bridge: "mine0" };
      {
        await using engine = openEngine(lan, { config });
        await expect(engine.networks.attach(request("a"))).rejects.toThrow(
          "bridge device with non default name mine0 must be created manually",
        );
        lan.host.routes.createBridge("mine0", { mac: "02:42:00:00:00:01" });
        lan.host.routes.addAddress("mine0", "192.168.79.7/24");
        const a = await engine.networks.attach(request("a"));
        a.namespace?.close();
        expect(a.settings).toMatchObject({ Gateway: "192.168.79.7", IPAddress: "192.168.79.1" });
        await engine.networks.release(request("a").containerId);
        await engine.networks.create({
          Name: "also",
          Options: { "com.docker.network.bridge.name": "mine1" },
        });
        await engine.networks.remove("also");
        expect(lan.host.routes.link("mine1")).toBeUndefined();
        lan.host.routes.createBridge("mine1");
        await engine.networks.create({
          Name: "theirs",
          Options: { "com.docker.network.bridge.name": "mine1" },
        });
        await engine.networks.remove("theirs");
        expect(lan.host.routes.link("mine1")?.kind).toBe("bridge");
      }
      expect(lan.host.routes.link("mine0")?.mac).toBe("02:42:00:00:00:01");
    } finally {
      lan[Symbol.dispose]();
    }
  });

  test("daemon.json's default-network-opts are those of networks that say nothing else", async () => {
    const options = { "com.docker.network.driver.mtu": "1300", "com.docker.network.enable_ipv6": "true" };
    await using w = await world({ config: { mtu: 1400, defaultNetworkOptions: { bridge: options } } });
    await w.engine.networks.create({ Name: "plain" });
    expect(w.engine.networks.inspect("plain")).toMatchObject({ EnableIPv6: true, Options: options });
    await w.engine.networks.create({
      Name: "own",
      EnableIPv6: false,
      Options: { "com.docker.network.driver.mtu": "1200" },
    });
    expect(w.engine.networks.inspect("own").EnableIPv6).toBe(false);
    const a = await w.run("a", { networkMode: "own" });
    expect(a.namespace.routes.link("eth0")?.mtu).toBe(1200);
    const b = await w.run("b");
    expect(b.namespace.routes.link("eth0")?.mtu).toBe(1400);
    await expect(
      w.engine.networks.create({ Name: "x", Options: { "com.docker.network.enable_ipv6": "maybe" } }),
    ).rejects.toThrow("invalid value for com.docker.network.enable_ipv6");
  });

  test("daemon.json's ip-masq, ip-forward and ip-forward-no-drop", async () => {
    {
      await using w = await world({ config: { ipMasquerade: false, ipForward: false } });
      const a = await w.run("a");
      using host = new NetworkHost(w.lan.host);
      expect(host.sysctl("ipv4/ip_forward")).toBe("0");
      using _outside = serve(w.lan.neighbour, 80, "outside");
      expect(await probe(a.namespace, "10.9.0.2", 80)).not.toStartWith("outside");
      host.setSysctl("ipv4/ip_forward", "1");
      // The neighbour's own default route leads answers back: it sees the container itself.
      expect(await probe(a.namespace, "10.9.0.2", 80)).not.toBe("outside 10.9.0.1");
    }
    for (const ipForwardNoDrop of [false, true]) {
      const lan = new TestLan();
      lan.host.routes.createMacvlan({ name: "lan1", parent: "lan0", mode: "bridge" });
      {
        await using engine = openEngine(lan, { config: { ipForwardNoDrop } });
        await engine.networks.restore([]);
        using host = new NetworkHost(lan.host);
        expect(host.sysctl("ipv4/ip_forward")).toBe("1");
        using rules = Nftables.open(lan.host);
        const apart = rules.run("list set inet berth apart4\n");
        expect(apart.includes('"lan1"')).toBe(!ipForwardNoDrop);
      }
      lan[Symbol.dispose]();
    }
  });

  test("daemon.json's iptables and ip6tables: the other family's packets only, or nobody's", async () => {
    {
      await using w = await world({ config: { packetFilter: false } });
      const a = await w.run("a", publish(":8080:80/tcp"));
      using _a = serve(a.namespace, 80, "a");
      // By the daemon's own socket, which the container sees the host behind.
      expect(await probe(w.lan.neighbour, "10.9.0.1", 8080)).toBe("a 172.17.0.1");
      // Nothing is kept apart.
      expect(await probe(w.lan.neighbour, "172.17.0.2", 80)).toBe("a 10.9.0.2");
    }
    {
      await using w = await world({ config: { packetFilter6: false, ipv6: true, bip6: "fd77::1/64" } });
      const a = await w.run("a", publish(":8080:80/tcp"));
      using _a = serve(a.namespace, 80, "a", "::");
      expect(await probe(w.lan.neighbour, "172.17.0.2", 80)).toBe("silence");
      expect(await probe(w.lan.neighbour, "10.9.0.1", 8080)).toContain("10.9.0.2");
      expect(await probe(w.lan.neighbour, a.settings.GlobalIPv6Address!, 80)).toBe("a fd09::2");
    }
    await using w = await world({ config: { packetFilter: false, packetFilter6: false } });
    await w.run("a");
    using nft = Nftables.open(w.lan.host);
    expect(nft.run("list tables\n")).not.toContain("berth");
  });

  test("daemon.json's userland-proxy: what the kernel cannot lead is forwarded, or not", async () => {
    {
      await using w = await world();
      const a = await w.run("a", publish(":8080:80/tcp", ":5353:53/udp"));
      using _tcp = serve(a.namespace, 80, "a");
      using _udp = await serveUdp(a.namespace, 53, "a");
      expect(await probe(w.lan.neighbour, "fd09::1", 8080)).toBe("a 172.17.0.1");
      expect(await probeUdp(w.lan.neighbour, "fd09::1", 5353)).toBe("a 172.17.0.1 from fd09::1");
      expect(await probeUdp(w.lan.host, "::1", 5353)).toBe("a 172.17.0.1 from ::1");
      expect(await probeUdp(w.lan.neighbour, "10.9.0.1", 5353)).toBe("a 10.9.0.2 from 10.9.0.1");
    }
    await using w = await world({ config: { userlandProxy: false } });
    const a = await w.run("a", publish(":8080:80/tcp", ":5353:53/udp"));
    using _tcp = serve(a.namespace, 80, "a");
    expect(a.settings.Ports?.["80/tcp"]).toEqual([{ HostIp: "0.0.0.0", HostPort: "8080" }]);
    expect(a.settings.Ports?.["53/udp"]).toEqual([{ HostIp: "0.0.0.0", HostPort: "5353" }]);
    expect(await probe(w.lan.neighbour, "10.9.0.1", 8080)).toBe("a 10.9.0.2");
    expect(await probe(w.lan.host, "127.0.0.1", 8080)).toBe("a 172.17.0.1");
    expect(await probe(w.lan.host, "::1", 8080)).not.toStartWith("a ");
    expect(await probeUdp(w.lan.host, "::1", 5353)).not.toStartWith("a ");
  });

  test("rules that somebody flushed come back (CVE-2025-54388, CVE-2025-54410)", async () => {
    await using w = await world();
    const web = await w.run("web", publish(":8080:80/tcp"));
    using _server = serve(web.namespace, 80, "web");
    nft(w.lan, "add rule inet berth user ip saddr 10.66.0.0/16 drop\n");
    await Bun.sleep(0);
    for (const damage of ["flush ruleset\n", "flush table inet berth\n", "delete table inet berth\n"]) {
      // What the user wrote there is known by the time that somebody flushes it.
      while (
        !(
          w.engine.database.get<{ value: string }>(
            "SELECT value FROM networks_facts WHERE name = 'user-rules'",
          )?.value ?? ""
        ).includes("10.66")
      )
        await Bun.sleep(50);
      nft(w.lan, damage);
      while ((await probe(w.lan.neighbour, "10.9.0.1", 8080)) !== "web 10.9.0.2") await Bun.sleep(20);
      expect(nft(w.lan, "list chain inet berth user\n")).toContain("ip saddr 10.66.0.0/16 drop");
    }
  }, 30_000);

  test("the user's chain can forbid what is published, by the port that the world sees", async () => {
    await using w = await world();
    const web = await w.run("web", publish(":8080:80/tcp"));
    using _server = serve(web.namespace, 80, "web");
    nft(
      w.lan,
      "add rule inet berth user meta l4proto tcp ct original proto-dst 8080 ip saddr 10.9.0.2 drop\n",
    );
    expect(await probe(w.lan.neighbour, "10.9.0.1", 8080)).toBe("silence");
    expect(await probe(w.lan.host, "10.9.0.1", 8080)).toBe("web 10.9.0.1");
  });

  test("the user's chain can forbid the way out", async () => {
    await using w = await world();
    const { namespace } = await w.run("inside");
    using _outside = serve(w.lan.neighbour, 7000, "outside");
    using _other = serve(w.lan.neighbour, 7001, "other");
    nft(w.lan, "add rule inet berth user ip saddr 172.17.0.2 tcp dport 7000 drop\n");
    expect(await probe(namespace, "10.9.0.2", 7000)).toBe("silence");
    expect(await probe(namespace, "10.9.0.2", 7001)).toBe("other 10.9.0.1");
  });

  test("beside Docker, whose firewall drops what it does not know", async () => {
    using lan = new TestLan();
    await using engine = openEngine(lan);
    const iptables = (...args: string[]) => {
      using host = new NetworkHost(lan.host);
      return host.run(() => Bun.spawnSync(["/usr/sbin/iptables", ...args]).stdout.toString());
    };
    iptables("-P", "FORWARD", "DROP");
    iptables("-N", "DOCKER-USER");
    iptables("-A", "FORWARD", "-j", "DOCKER-USER");
    iptables("-A", "DOCKER-USER", "-p", "tcp", "--dport", "81", "-j", "DROP");
    await engine.networks.restore([]);
    const web = await engine.networks.attach(request("web", publish(":8080:80/tcp", ":8081:81/tcp")));
    using namespace = web.namespace!;
    using _server = serve(namespace, 80, "web");
    using _forbidden = serve(namespace, 81, "forbidden");
    expect(await probe(lan.neighbour, "10.9.0.1", 8080)).toBe("web 10.9.0.2");
    expect(await probe(lan.neighbour, "10.9.0.1", 8081)).toBe("silence");
    expect(await probe(lan.neighbour, "172.17.0.2", 80)).toBe("silence");
    await engine.networks.release(request("web").containerId);
    await engine.networks.close();
    expect(iptables("-S", "FORWARD")).toBe("-P FORWARD DROP\n-A FORWARD -j DOCKER-USER\n");
  });

  test("a network that could not be set up says why, and is tried again", async () => {
    using lan = new TestLan();
    lan.host.routes.createVeth({ name: "berth0", peerName: "x0", peerNamespace: lan.neighbour });
    await using engine = openEngine(lan);
    await engine.networks.restore([]);
    await expect(engine.networks.attach(request("a"))).rejects.toThrow(
      "the interface berth0 exists and is not a bridge",
    );
    const alone = await engine.networks.attach(request("alone", { networkMode: "none" }));
    alone.namespace?.close();
    lan.host.routes.deleteLink("berth0");
    const { namespace } = await engine.networks.attach(request("a"));
    namespace?.close();
    await engine.networks.release(request("alone").containerId);
    await engine.networks.release(request("a").containerId);
  });

  test("a firewall that forbids forwarding is not opened", async () => {
    await using w = await world();
    nft(w.lan, "table inet mine { chain f { type filter hook forward priority filter; policy drop;\n}\n}\n");
    const web = await w.run("web", publish(":8080:80/tcp"));
    using _server = serve(web.namespace, 80, "web");
    expect(await probe(w.lan.neighbour, "10.9.0.1", 8080)).toBe("silence");
  });
});

describe("a daemon that ends", () => {
  test("with nothing running takes everything away", async () => {
    using lan = new TestLan();
    const engine = openEngine(lan);
    await engine.networks.restore([]);
    expect(lan.host.routes.link("berth0")).toBeDefined();
    await engine.networks.close();
    expect(lan.host.routes.link("berth0")).toBeUndefined();
    expect(nft(lan, "list ruleset\n")).toBe("");
    using host = new NetworkHost(lan.host);
    expect(host.sysctl("ipv4/ip_forward")).toBe("0");
  });

  test("and comes back disturbs no traffic, and knows its containers", async () => {
    using lan = new TestLan();
    const database = Database.open(":memory:");
    const first = openEngine(lan, { database });
    const wanted = request("web", publish(":8080:80/tcp"));
    const before = await first.networks.attach(wanted);
    using namespace = before.namespace!;
    using _echo = echo(namespace, 80);
    await using line = await talk(lan.neighbour, "10.9.0.1", 8080);
    expect(await line.say("one")).toBe("one");
    await first.networks.close();
    expect(await line.say("two")).toBe("two");
    using _server = serve(namespace, 81, "new");
    await using second = openEngine(lan, { database });
    await second.networks.restore([wanted]);
    expect(await line.say("three")).toBe("three");
    expect(second.networks.settings(wanted.containerId)).toEqual(before.settings);
    const next = await second.networks.attach(request("next"));
    next.namespace?.close();
    expect(next.settings.IPAddress).toBe("172.17.0.3");
    await expect(second.networks.attach(request("thief", publish(":8080:80/tcp")))).rejects.toThrow(
      "container web",
    );
    await second.networks.release(request("next").containerId);
    await second.networks.release(wanted.containerId);
    expect(await probe(lan.neighbour, "10.9.0.1", 8080)).toBe("refused");
  });

  test("forgets the endpoints of containers that ended meanwhile", async () => {
    using lan = new TestLan();
    const database = Database.open(":memory:");
    const first = openEngine(lan, { database });
    const wanted = request("web", publish(":8080:80/tcp"));
    (await first.networks.attach(wanted)).namespace?.close();
    await first.networks.close();
    await using second = openEngine(lan, { database });
    await second.networks.restore([]);
    expect(database.all("SELECT * FROM networks_endpoints")).toEqual([]);
    expect(await probe(lan.neighbour, "10.9.0.1", 8080)).toBe("refused");
    const again = await second.networks.attach(wanted);
    again.namespace?.close();
    await second.networks.release(wanted.containerId);
  });
});
