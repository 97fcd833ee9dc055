import { describe, expect, test } from "bun:test";
import { Database } from "../store/index.ts";
import type { NetworkCreateRequest } from "../wire/index.ts";
import { NetworkHost } from "./host.ts";
import type { AttachRequest } from "./sandbox.ts";
import { openEngine, probe, publish, request, serve, TestLan } from "./testing.ts";

/** One engine on one host for one test, with undo for whatever the test makes. */
async function world(options: Parameters<typeof openEngine>[1] = {}) {
  const undo = new AsyncDisposableStack();
  const lan = undo.use(new TestLan());
  const engine = undo.use(openEngine(lan, options));
  const { networks } = engine;
  await networks.restore([]);
  const run = async (name: string, networkMode: string, more: Partial<AttachRequest> = {}) => {
    const wanted = request(name, { networkMode, ...more });
    const sandbox = await networks.attach(wanted);
    undo.defer(() => networks.release(wanted.containerId));
    undo.defer(() => sandbox.namespace?.close());
    return { ...sandbox, namespace: sandbox.namespace!, id: wanted.containerId, wanted };
  };
  const create = (Name: string, more: NetworkCreateRequest = {}) => networks.create({ Name, ...more });
  return { undo, lan, engine, networks, run, create, [Symbol.asyncDispose]: () => undo.disposeAsync() };
}

/** One that runs: with a process in its namespace. */
async function living(w: Awaited<ReturnType<typeof world>>, ...args: Parameters<typeof w.run>) {
  const sandbox = await w.run(...args);
  using inside = new NetworkHost(sandbox.namespace);
  const child = inside.run(() => Bun.spawn(["sleep", "60"]));
  w.undo.defer(async () => {
    child.kill(9);
    await child.exited;
  });
  const ways = () =>
    sandbox.namespace.routes
      .routes()
      .flatMap((route) => (route.destination === "default" ? [route.gateway] : []));
  const names = () => Object.keys(w.networks.settings(sandbox.id)?.Networks ?? {});
  return { ...sandbox, process: child, ways, names };
}

const address = (
  sandbox: { settings: { Networks?: Record<string, { IPAddress?: string }> | null } },
  name: string,
) => sandbox.settings.Networks?.[name]?.IPAddress ?? "";

describe("network create", () => {
  test("options for the address manager are shown as they were given", async () => {
    await using w = await world();
    for (const Options of [{}, { some: "thing" }] as Record<string, string>[]) {
      await w.create("mine", { IPAM: { Options } });
      expect(w.networks.inspect("mine").IPAM?.Options).toEqual(Options);
      await w.networks.remove("mine");
    }
  });

  test("makes a bridge with the next free subnet, and rm takes it away", async () => {
    await using w = await world();
    const { Id } = await w.create("mine", { Labels: { a: "b" } });
    const shown = w.networks.inspect("mine");
    expect(shown).toMatchObject({
      Id,
      Name: "mine",
      Driver: "bridge",
      EnableIPv4: true,
      EnableIPv6: false,
      Internal: false,
      IPAM: {
        Driver: "default",
        Options: null,
        Config: [{ Subnet: "172.18.0.0/16", Gateway: "172.18.0.1" }],
      },
      Labels: { a: "b" },
      Options: {},
    });
    expect(w.lan.host.routes.link(`br-${Id.slice(0, 12)}`)).toMatchObject({ kind: "bridge", up: true });
    await w.networks.remove("mine");
    expect(w.lan.host.routes.link(`br-${Id.slice(0, 12)}`)).toBeUndefined();
    expect(() => w.networks.inspect("mine")).toThrow("network mine not found");
    expect(w.engine.events.map(({ action, attributes }) => `${action} ${attributes["name"]}`)).toEqual([
      "create mine",
      "destroy mine",
    ]);
  });

  test("many at once get subnets of their own", async () => {
    await using w = await world();
    await Promise.all(Array.from({ length: 8 }, (_, i) => w.create(`n${i}`)));
    const subnets = w.networks.list().flatMap(({ IPAM }) => IPAM?.Config?.map(({ Subnet }) => Subnet) ?? []);
    expect(new Set(subnets).size).toBe(9);
  });

  test("takes subnet, range, gateway, auxiliary addresses and options", async () => {
    await using w = await world();
    const Config = [
      {
        Subnet: "10.50.0.0/16",
        IPRange: "10.50.5.0/24",
        Gateway: "10.50.0.254",
        AuxiliaryAddresses: { printer: "10.50.5.0", fax: "10.50.5.1" },
      },
    ];
    const Options = { "com.docker.network.bridge.name": "mybr", "com.docker.network.driver.mtu": "1300" };
    await w.create("mine", { IPAM: { Config }, Options });
    expect(w.networks.inspect("mine").IPAM?.Config).toEqual(Config);
    const a = await w.run("a", "mine");
    expect(a.settings.Networks?.["mine"]).toMatchObject({ IPAddress: "10.50.5.2", Gateway: "10.50.0.254" });
    expect(a.namespace.routes.link("eth0")?.mtu).toBe(1300);
    expect(w.lan.host.routes.link("mybr")?.mtu).toBe(1300);
  });

  const subnet = (Subnet: string, more = {}) => ({ IPAM: { Config: [{ Subnet, ...more }] } });
  test.each<[NetworkCreateRequest, string]>([
    [{ Name: "" }, "network name"],
    [{ Name: " x" }, "leading or trailing spaces are not allowed"],
    [{ Name: "a/b" }, "invalid network name"],
    [{ Name: "bridge" }, "operation is not permitted on predefined bridge network "],
    [{ Name: "taken" }, "network with name taken already exists"],
    [{ Name: "x", Driver: "host" }, 'only one instance of "host" network is allowed'],
    [{ Name: "x", Driver: "weave" }, "could not find plugin weave in v1 plugin registry: plugin not found"],
    [{ Name: "x", Driver: "overlay" }, "swarm"],
    [{ Name: "x", ConfigFrom: { Network: "taken" } }, 'configuration network "taken" does not exist'],
    ...["255.255.255.255/32", "10.5.0.0/32", "10.5.0.0/31", "fd05::/128"].map(
      (one) =>
        [
          { Name: "x", ...subnet(one) },
          "failed to allocate gateway (): No available addresses on this pool",
        ] as [NetworkCreateRequest, string],
    ),
    ...["127.0.0.0/8", "127.5.0.0/24", "224.0.0.0/4", "0.0.0.0/8", "::/64", "ff05::/64"].map(
      (one) =>
        [
          { Name: "x", ...subnet(one) },
          `invalid subnet ${one}: its addresses have a meaning of their own`,
        ] as [NetworkCreateRequest, string],
    ),
    [
      { Name: "x", ...subnet("10.0.0.0/24", { AuxiliaryAddresses: { fax: "10.0.0.1" } }) },
      "failed to allocate secondary ip address (fax:10.0.0.1): Address already in use",
    ],
    [{ Name: "x", ...subnet("10.0.0.5/24") }, "invalid subnet 10.0.0.5/24: it should be 10.0.0.0/24"],
    [{ Name: "x", ...subnet("nonsense") }, "invalid subnet nonsense: invalid CIDR block notation"],
    [
      { Name: "x", ...subnet("10.0.0.0/24", { Gateway: "10.0.1.1" }) },
      "invalid gateway 10.0.1.1: parent subnet is 10.0.0.0/24",
    ],
    [
      { Name: "x", ...subnet("10.0.0.0/24", { IPRange: "10.0.0.0/16" }) },
      "invalid ip-range 10.0.0.0/16: parent subnet is 10.0.0.0/24",
    ],
    [{ Name: "x", ...subnet("172.17.5.0/24") }, "Pool overlaps with other one on this address space"],
    [
      { Name: "x", Options: { "com.docker.network.driver.mtu": "9" } },
      "invalid value for com.docker.network.driver.mtu",
    ],
    [
      { Name: "x", Options: { "com.docker.network.bridge.enable_icc": "maybe" } },
      "invalid value for com.docker.network.bridge.enable_icc",
    ],
    [
      { Name: "x", Options: { "com.docker.network.bridge.gateway_mode_ipv4": "other" } },
      "unknown gateway mode other",
    ],
    [
      { Name: "x", Options: { "com.docker.network.bridge.gateway_mode_ipv6": "isolated" } },
      "gateway mode 'isolated' can only be used for an internal network",
    ],
    [
      { Name: "x", Options: { "com.docker.network.bridge.name": "berth0" } },
      "networks have same bridge name",
    ],
    [
      { Name: "x", Options: { "com.docker.network.bridge.name": "far-too-long-a-name" } },
      "invalid network interface name",
    ],
  ])("%j is refused", async (wanted, message) => {
    await using w = await world();
    await w.create("taken");
    const links = w.lan.host.routes.links().length;
    await expect(w.networks.create(wanted)).rejects.toThrow(message);
    expect(w.lan.host.routes.links()).toHaveLength(links);
    expect(w.networks.list()).toHaveLength(4);
  });

  test("a subnet that an interface of the host has is given, with a warning", async () => {
    await using w = await world();
    const create = (Name: string, Subnet: string) =>
      w.networks.create({ Name, IPAM: { Config: [{ Subnet }] } });
    expect((await create("clash", "10.9.0.128/25")).Warning).toBe(
      "the subnet 10.9.0.128/25 overlaps with 10.9.0.0/24 of the host's interface lan0: one of both may not be reached",
    );
    expect((await create("free", "10.10.0.0/24")).Warning).toBe("");
  });

  test("rm refuses what is used or always there; prune takes the rest", async () => {
    await using w = await world();
    await w.create("used");
    await w.create("idle", { Labels: { keep: "" } });
    await w.create("other");
    const a = await w.run("a", "used");
    await expect(w.networks.remove("used")).rejects.toThrow(
      `error while removing network: network used has active endpoints (name:"a" id:"${a.id.slice(0, 12)}")`,
    );
    await expect(w.networks.remove("bridge")).rejects.toThrow(
      "bridge is a pre-defined network and cannot be removed",
    );
    expect(await w.networks.prune({ "label!": ["keep"] })).toEqual({ NetworksDeleted: ["other"] });
    expect(w.networks.list({ type: ["custom"] }).map(({ Name }) => Name)).toEqual(["used", "idle"]);
    expect(w.networks.list({ dangling: ["true"] }).map(({ Name }) => Name)).toEqual(["idle"]);
  });

  test("is remembered by the next daemon, with subnet and bridge", async () => {
    using lan = new TestLan();
    const database = Database.open(":memory:");
    const first = openEngine(lan, { database });
    await first.networks.create({ Name: "mine" });
    const before = first.networks.inspect("mine");
    await first.networks.close();
    await using second = openEngine(lan, { database });
    await second.networks.restore([]);
    expect(second.networks.inspect("mine")).toEqual(before);
    expect(lan.host.routes.link(`br-${before.Id.slice(0, 12)}`)).toBeDefined();
  });
});

describe("a bridge that somebody has deleted", () => {
  test("is made again for the next container, with those that were on it", async () => {
    await using w = await world();
    const { Id } = await w.create("red", {
      Options: { "com.docker.network.bridge.enable_icc": "false" },
    });
    const a = await w.run("a", "red", publish(":8080:80/tcp"));
    using _server = serve(a.namespace, 80, "a");
    const bridge = `br-${Id.slice(0, 12)}`;
    w.lan.host.routes.deleteLink(bridge);
    expect(await probe(w.lan.neighbour, "10.9.0.1", 8080)).not.toStartWith("a ");
    const b = await w.run("b", "red");
    expect(await probe(w.lan.neighbour, "10.9.0.1", 8080)).toBe("a 10.9.0.2");
    expect(await probe(b.namespace, "10.9.0.1", 8080)).toStartWith("a ");
    expect(await probe(b.namespace, address(a, "red"), 80)).not.toStartWith("a ");
  });

  test("while the daemon was away is made again at its start", async () => {
    using lan = new TestLan();
    const database = Database.open(":memory:");
    const first = openEngine(lan, { database });
    const { Id } = await first.networks.create({ Name: "red" });
    const wanted = request("a", { networkMode: "red", ...publish(":8080:80/tcp") });
    using namespace = (await first.networks.attach(wanted)).namespace!;
    using _server = serve(namespace, 80, "a");
    await first.networks.close();
    lan.host.routes.deleteLink(`br-${Id.slice(0, 12)}`);
    await using second = openEngine(lan, { database });
    await second.networks.restore([wanted]);
    expect(await probe(lan.neighbour, "10.9.0.1", 8080)).toBe("a 10.9.0.2");
    await second.networks.release(wanted.containerId);
  });
});

describe("a user-defined network", () => {
  test("lets its containers reach one another and keeps others out", async () => {
    await using w = await world();
    await w.create("red");
    await w.create("blue");
    const [a, b, c, d] = [
      await w.run("a", "red"),
      await w.run("b", "red"),
      await w.run("c", "blue"),
      await w.run("d", "bridge"),
    ];
    using _server = serve(a.namespace, 80, "a");
    expect(await probe(b.namespace, address(a, "red"), 80)).toBe(`a ${address(b, "red")}`);
    expect(await probe(c.namespace, address(a, "red"), 80)).toBe("silence");
    expect(await probe(d.namespace, address(a, "red"), 80)).toBe("silence");
    expect(await probe(w.lan.neighbour, address(a, "red"), 80)).toBe("silence");
    expect(await probe(w.lan.host, address(a, "red"), 80)).toStartWith("a ");
  });

  test("publishes ports for everybody, other networks included", async () => {
    await using w = await world();
    await w.create("red");
    await w.create("blue");
    const a = await w.run("a", "red", publish(":8080:80/tcp"));
    const c = await w.run("c", "blue");
    using _server = serve(a.namespace, 80, "a");
    expect(await probe(w.lan.host, "127.0.0.1", 8080)).toStartWith("a ");
    expect(await probe(w.lan.neighbour, "10.9.0.1", 8080)).toBe("a 10.9.0.2");
    expect(await probe(c.namespace, "10.9.0.1", 8080)).toStartWith("a ");
  });

  test("internal: reaches nothing outside and is not reached", async () => {
    await using w = await world();
    await w.create("cell", { Internal: true });
    await w.create("free");
    const [a, b] = [await w.run("a", "cell", publish(":8080:80/tcp")), await w.run("b", "cell")];
    const c = await w.run("c", "free", publish(":9090:80/tcp"));
    using _outside = serve(w.lan.neighbour, 80, "outside");
    using _a = serve(a.namespace, 80, "a");
    using _c = serve(c.namespace, 80, "c");
    expect(a.settings.Ports).toEqual({ "80/tcp": null });
    expect(await probe(b.namespace, address(a, "cell"), 80)).toBe(`a ${address(b, "cell")}`);
    expect(await probe(a.namespace, "10.9.0.2", 80)).not.toStartWith("outside");
    expect(await probe(c.namespace, address(a, "cell"), 80)).toBe("silence");
    // Somebody inside makes himself a route by the host: packets still do not pass.
    a.namespace.routes.addRoute({ gateway: "172.18.0.1" });
    expect(await probe(a.namespace, "10.9.0.2", 80)).toBe("silence");
    expect(await probe(a.namespace, "10.9.0.1", 9090)).toBe("silence");
  });

  test("gives the address that is asked for, once", async () => {
    await using w = await world();
    await w.create("mine", { IPAM: { Config: [{ Subnet: "10.60.0.0/24" }] } });
    const at = (IPv4Address: string) => ({
      networking: { EndpointsConfig: { mine: { IPAMConfig: { IPv4Address } } } },
    });
    const a = await w.run("a", "mine", at("10.60.0.9"));
    expect(address(a, "mine")).toBe("10.60.0.9");
    await expect(w.run("b", "mine", at("10.60.0.9"))).rejects.toThrow("Address already in use");
    await expect(w.run("b", "mine", at("10.61.0.9"))).rejects.toThrow("no configured subnet");
    expect(() =>
      w.networks.validate({
        networkMode: "bridge",
        portBindings: {},
        networking: { EndpointsConfig: { bridge: { IPAMConfig: { IPv4Address: "172.17.0.9" } } } },
      }),
    ).toThrow("user specified IP address is supported on user defined networks only");
  });

  test("with IPv6 has addresses of both families, masquerades and publishes", async () => {
    await using w = await world();
    await w.create("six", { EnableIPv6: true });
    const [config4, config6] = w.networks.inspect("six").IPAM?.Config ?? [];
    expect(config4?.Subnet).toBe("172.18.0.0/16");
    expect(config6?.Subnet).toMatch(/^fd[0-9a-f]{2}:[0-9a-f:]+::\/64$/);
    const a = await w.run("a", "six", publish(":8080:80/tcp"));
    const b = await w.run("b", "six");
    const own = a.settings.Networks?.["six"]?.GlobalIPv6Address ?? "";
    expect(own).toMatch(/^fd.*::2$/);
    using _a = serve(a.namespace, 80, "a", "::");
    using _outside = serve(w.lan.neighbour, 80, "outside", "::");
    expect(await probe(b.namespace, own, 80)).toStartWith("a fd");
    expect(await probe(b.namespace, "fd09::2", 80)).toBe("outside fd09::1");
    expect(await probe(w.lan.neighbour, "fd09::1", 8080)).toBe("a fd09::2");
    expect(await probe(w.lan.host, "::1", 8080)).toStartWith("a fd");
    expect(await probe(w.lan.host, "fd09::1", 8080)).toBe("a fd09::1");
    expect(await probe(w.lan.host, "127.0.0.1", 8080)).toContain("172.18.0.1");
    // Direct routing, and a port that is not published.
    expect(await probe(w.lan.neighbour, own, 80)).toBe("silence");
    using inside = new NetworkHost(a.namespace);
    expect(inside.sysctl("ipv6/conf/eth0/accept_ra")).toBe("0");
  });
});

describe("gateway modes", () => {
  const mode = (family: 4 | 6, value: string) => ({
    [`com.docker.network.bridge.gateway_mode_ipv${family}`]: value,
  });

  test("routed: containers keep their addresses, and are reached there on what is published", async () => {
    await using w = await world();
    await w.create("direct", { EnableIPv6: true, Options: { ...mode(4, "routed"), ...mode(6, "routed") } });
    const a = await w.run("a", "direct", publish(":8080:80/tcp", ":8080:53/udp"));
    expect(a.settings.Ports?.["80/tcp"]).toEqual([
      { HostIp: "0.0.0.0", HostPort: "" },
      { HostIp: "::", HostPort: "" },
    ]);
    using _80 = serve(a.namespace, 80, "a", "::");
    using _81 = serve(a.namespace, 81, "hidden", "::");
    using _outside = serve(w.lan.neighbour, 80, "outside", "::");
    const own = a.settings.Networks?.["direct"];
    for (const at of [own?.IPAddress ?? "", own?.GlobalIPv6Address ?? ""]) {
      const from = at.includes(":") ? "fd09::2" : "10.9.0.2";
      expect(await probe(w.lan.neighbour, at, 80)).toEndWith(from);
      expect(await probe(w.lan.neighbour, at, 81)).toBe("silence");
      // Nobody hides behind the host.
      expect(await probe(a.namespace, from, 80)).toEndWith(at);
    }
    expect(await probe(w.lan.neighbour, "10.9.0.1", 8080)).toBe("refused");
    const other = await w.run("other", "bridge");
    expect(await probe(other.namespace, own?.IPAddress ?? "", 80)).toStartWith("a ");
    expect(await probe(other.namespace, own?.IPAddress ?? "", 81)).toBe("silence");
  });

  test("ports that move between networks of different modes are published as each network does", async () => {
    await using w = await world();
    await w.create("direct", { Options: mode(4, "routed") });
    const a = await living(w, "a", "direct", publish(":8080:80/tcp"));
    using _80 = serve(a.namespace, 80, "a");
    const shown = () => w.networks.settings(a.id)?.Ports?.["80/tcp"];
    expect(shown()).toEqual([{ HostIp: "0.0.0.0", HostPort: "" }]);
    await w.networks.join("bridge", a.wanted, { GwPriority: 1 }, a.process);
    expect(shown()).toEqual([
      { HostIp: "0.0.0.0", HostPort: "8080" },
      { HostIp: "::", HostPort: "8080" },
    ]);
    expect(await probe(w.lan.neighbour, "10.9.0.1", 8080)).toBe("a 10.9.0.2");
    expect(await probe(w.lan.neighbour, address(a, "direct"), 80)).toBe("silence");
    await w.networks.leave("bridge", a.id, a.process);
    expect(shown()).toEqual([{ HostIp: "0.0.0.0", HostPort: "" }]);
    expect(await probe(w.lan.neighbour, address(a, "direct"), 80)).toBe("a 10.9.0.2");
    expect(await probe(w.lan.neighbour, "10.9.0.1", 8080)).toBe("refused");
  });

  test("nat for one family, routed for the other", async () => {
    await using w = await world();
    await w.create("mixed", { EnableIPv6: true, Options: mode(6, "routed") });
    const a = await w.run("a", "mixed", publish(":8080:80/tcp"));
    expect(a.settings.Ports?.["80/tcp"]).toEqual([
      { HostIp: "0.0.0.0", HostPort: "8080" },
      { HostIp: "::", HostPort: "" },
    ]);
    using _80 = serve(a.namespace, 80, "a", "::");
    const own = a.settings.Networks?.["mixed"];
    expect(await probe(w.lan.neighbour, "10.9.0.1", 8080)).toEndWith("10.9.0.2");
    expect(await probe(w.lan.neighbour, own?.GlobalIPv6Address ?? "", 80)).toBe("a fd09::2");
    expect(await probe(w.lan.neighbour, own?.IPAddress ?? "", 80)).toBe("silence");
  });

  test("nat-unprotected: behind the host's address, but open to whoever has a route", async () => {
    await using w = await world();
    await w.create("open", { Options: mode(4, "nat-unprotected") });
    const a = await w.run("a", "open", publish(":8080:80/tcp"));
    using _80 = serve(a.namespace, 80, "a");
    using _81 = serve(a.namespace, 81, "unpublished");
    using _outside = serve(w.lan.neighbour, 80, "outside");
    expect(await probe(w.lan.neighbour, address(a, "open"), 81)).toBe("unpublished 10.9.0.2");
    expect(await probe(w.lan.neighbour, "10.9.0.1", 8080)).toBe("a 10.9.0.2");
    expect(await probe(a.namespace, "10.9.0.2", 80)).toBe("outside 10.9.0.1");
  });

  test("isolated: not even the host is on the network", async () => {
    await using w = await world();
    await w.create("cell", { Internal: true, Options: mode(4, "isolated") });
    const a = await w.run("a", "cell");
    const b = await w.run("b", "cell");
    using _80 = serve(a.namespace, 80, "a");
    expect(await probe(b.namespace, address(a, "cell"), 80)).toStartWith("a ");
    const bridge = `br-${w.networks.inspect("cell").Id.slice(0, 12)}`;
    const index = w.lan.host.routes.link(bridge)?.index;
    expect(w.lan.host.routes.addresses().filter(({ link }) => link === index)).toEqual([]);
  });

  test("are kept by the next daemon, with what is published", async () => {
    const database = Database.open(":memory:");
    const lan = new TestLan();
    try {
      const wanted = request("a", { networkMode: "direct", ...publish(":80:80/tcp") });
      const first = openEngine(lan, { database });
      await first.networks.create({ Name: "direct", Options: mode(4, "routed") });
      const sandbox = await first.networks.attach(wanted);
      await first[Symbol.asyncDispose]();
      await using second = openEngine(lan, { database });
      await second.networks.restore([wanted]);
      using namespace = sandbox.namespace!;
      using _80 = serve(namespace, 80, "a");
      expect(await probe(lan.neighbour, address(sandbox, "direct"), 80)).toBe("a 10.9.0.2");
      await second.networks.release(wanted.containerId);
      expect(await probe(lan.neighbour, address(sandbox, "direct"), 80)).not.toStartWith("a ");
    } finally {
      lan[Symbol.dispose]();
      database.close();
    }
  });
});

test("a network with several subnets of one family fills one after the other, each with its gateway", async () => {
  await using w = await world();
  await w.create("wide", {
    IPAM: { Config: [{ Subnet: "10.60.0.0/30" }, { Subnet: "10.61.0.0/24", Gateway: "10.61.0.77" }] },
  });
  const a = await w.run("a", "wide");
  const b = await w.run("b", "wide");
  const asked = { EndpointsConfig: { wide: { IPAMConfig: { IPv4Address: "10.61.0.9" } } } };
  const c = await w.run("c", "wide", { networking: asked });
  expect([a, b, c].map((one) => address(one, "wide"))).toEqual(["10.60.0.2", "10.61.0.1", "10.61.0.9"]);
  const gateway = (one: typeof a) =>
    one.namespace.routes.routes().find((route) => route.destination === "default")?.gateway;
  expect([a, b, c].map(gateway)).toEqual(["10.60.0.1", "10.61.0.77", "10.61.0.77"]);
  using _b = serve(b.namespace, 80, "b");
  using _outside = serve(w.lan.neighbour, 80, "outside");
  expect(await probe(c.namespace, "10.61.0.1", 80)).toBe("b 10.61.0.9");
  expect(await probe(a.namespace, "10.61.0.1", 80)).toStartWith("b ");
  expect(await probe(b.namespace, "10.9.0.2", 80)).toBe("outside 10.9.0.1");
});

describe("a container on several networks", () => {
  test("has an interface on each, and its way out by the one with the highest priority", async () => {
    await using w = await world();
    await w.create("aaa");
    await w.create("zzz");
    await w.create("cell", { Internal: true });
    const a = await w.run("a", "aaa", {
      networking: { EndpointsConfig: { aaa: {}, cell: { GwPriority: 9 }, zzz: { GwPriority: 5 } } },
    });
    const names = a.namespace.routes.links().map(({ name }) => name);
    expect(names.sort()).toEqual(["eth0", "eth1", "eth2", "lo"]);
    const gateway = a.namespace.routes.routes().find(({ destination }) => destination === "default")?.gateway;
    expect(gateway).toBe(a.settings.Networks?.["zzz"]?.Gateway);
    expect(Object.keys(a.settings.Networks ?? {})).toEqual(["zzz", "aaa", "cell"]);
  });

  test("is connected and disconnected while it runs", async () => {
    await using w = await world();
    await w.create("one");
    await w.create("two");
    const a = await w.run("a", "one");
    const b = await w.run("b", "two");
    // A process in the container's namespace.
    using inside = new NetworkHost(a.namespace);
    const child = inside.run(() => Bun.spawn(["sleep", "60"]));
    try {
      await w.networks.join("two", a.wanted, { Aliases: ["x"] }, child);
      const settings = w.networks.settings(a.id)?.Networks ?? {};
      expect(Object.keys(settings)).toEqual(["one", "two"]);
      expect(settings["two"]?.Aliases).toEqual(["x"]);
      using _server = serve(b.namespace, 80, "b");
      expect(await probe(a.namespace, address(b, "two"), 80)).toBe(`b ${settings["two"]?.IPAddress}`);
      await expect(w.networks.join("two", a.wanted, {}, child)).rejects.toThrow(
        "endpoint with name a already exists in network two",
      );
      await w.networks.leave("two", a.id, child);
      expect(
        a.namespace.routes
          .links()
          .map(({ name }) => name)
          .sort(),
      ).toEqual(["eth0", "lo"]);
      expect(await probe(a.namespace, address(b, "two"), 80)).not.toStartWith("b ");
      expect(Object.keys(w.networks.settings(a.id)?.Networks ?? {})).toEqual(["one"]);
      await w.networks.leave("one", a.id, child);
      await expect(w.networks.leave("one", a.id, child)).rejects.toThrow(
        `container ${a.id} is not connected to network one`,
      );
      expect(w.networks.settings(a.id)?.Networks).toEqual({});
    } finally {
      child.kill(9);
      await child.exited;
    }
  });
});

describe("a running container", () => {
  test("goes out by the network that comes first, and its ports with it, as networks come and go", async () => {
    await using w = await world();
    await w.create("cell", { Internal: true });
    await w.create("aaa");
    await w.create("bbb");
    const a = await living(w, "a", "cell", publish(":8080:80/tcp"));
    using _server = serve(a.namespace, 80, "a");
    const gateway = (name: string) => w.networks.inspect(name).IPAM?.Config?.[0]?.Gateway;
    const published = () => probe(w.lan.neighbour, "10.9.0.1", 8080);
    expect(a.ways()).toEqual([]);
    expect(await published()).not.toStartWith("a ");

    await w.networks.join("bbb", a.wanted, {}, a.process);
    expect(a.ways()).toEqual([gateway("bbb")]);
    expect(a.names()).toEqual(["bbb", "cell"]);
    expect(await published()).toBe("a 10.9.0.2");

    await w.networks.join("aaa", a.wanted, {}, a.process);
    expect(a.ways()).toEqual([gateway("aaa")]);
    expect(await published()).toBe("a 10.9.0.2");
    expect(w.networks.settings(a.id)?.Ports?.["80/tcp"]?.length).toBe(2);

    await w.networks.leave("aaa", a.id, a.process);
    expect(a.ways()).toEqual([gateway("bbb")]);
    expect(await published()).toBe("a 10.9.0.2");
    // By way of the daemon's own socket, which leads to the new address too.
    expect(await probe(w.lan.host, "::1", 8080)).toStartWith("a ");

    await w.networks.leave("bbb", a.id, a.process);
    expect(a.ways()).toEqual([]);
    expect(await published()).not.toStartWith("a ");
    const other = await w.run("other", "bbb", publish(":8080:80/tcp"));
    expect(other.settings.Ports?.["80/tcp"]?.length).toBe(2);
  });

  test("a higher priority wins over the name; IPv4 and IPv6 may leave by different networks", async () => {
    await using w = await world();
    await w.create("four");
    await w.create("six", { EnableIPv6: true, EnableIPv4: false });
    await w.create("zzz");
    const a = await living(w, "a", "six");
    expect(a.ways()).toEqual([expect.stringContaining("::1")]);
    await w.networks.join("four", a.wanted, {}, a.process);
    expect(a.ways().length).toBe(2);
    await w.networks.join("zzz", a.wanted, { GwPriority: 10 }, a.process);
    expect(a.ways()).toContain(w.networks.inspect("zzz").IPAM?.Config?.[0]?.Gateway);
    expect(a.names()).toEqual(["zzz", "four", "six"]);
  });

  test("a join that fails leaves nothing of it", async () => {
    await using w = await world();
    await w.create("one");
    await w.create("two");
    const a = await living(w, "a", "one", publish(":8080:80/tcp"));
    const links = () => w.lan.host.routes.links().length;
    const before = links();
    const sysctl = { "com.docker.network.endpoint.sysctls": "net.ipv4.conf.IFNAME.nosuch=1" };
    await expect(
      w.networks.join("two", a.wanted, { DriverOpts: sysctl, GwPriority: 1 }, a.process),
    ).rejects.toThrow("failed to set the interface's sysctl");
    expect(links()).toBe(before);
    expect(a.names()).toEqual(["one"]);
    expect(w.networks.inspect("two").Containers).toEqual({});
    await w.networks.remove("two");
  });

  test("who has ended, or is another process by now, is not touched", async () => {
    await using w = await world();
    await w.create("one");
    await w.create("two");
    const a = await living(w, "a", "one");
    const stranger = { pid: process.pid, startTime: "1" };
    await expect(w.networks.join("two", a.wanted, {}, stranger)).rejects.toThrow("is not running");
    await expect(w.networks.leave("one", a.id, { pid: 2 ** 22 + 1 })).rejects.toThrow("is not running");
    expect(a.names()).toEqual(["one"]);
    await w.networks.release(a.id);
    await expect(w.networks.join("two", a.wanted, {}, a.process)).rejects.toThrow("is not running");
  });

  test("that ends while it is joined leaves nothing", async () => {
    await using w = await world();
    await w.create("one", { Internal: true });
    await w.create("two");
    const a = await living(w, "a", "one", publish(":8080:80/tcp"));
    const joining = w.networks.join("two", a.wanted, {}, a.process);
    await w.networks.release(a.id);
    await expect(joining).rejects.toThrow("is not running");
    for (const name of ["one", "two"]) expect(w.networks.inspect(name).Containers).toEqual({});
    const next = await w.run("b", "two", publish(":8080:80/tcp"));
    expect(next.settings.Ports?.["80/tcp"]?.length).toBe(2);
  });

  test("is found by its new name only once it is renamed, with its ports", async () => {
    await using w = await world();
    await w.create("one");
    const a = await living(w, "before", "one", publish(":8080:80/tcp"));
    w.networks.rename(a.id, "after");
    expect(w.networks.settings(a.id)?.Networks?.["one"]?.DNSNames?.[0]).toBe("after");
    expect(Object.values(w.networks.inspect("one").Containers ?? {})[0]?.Name).toBe("after");
    await expect(w.run("other", "one", publish(":8080:80/tcp"))).rejects.toThrow(
      "port is already allocated by container after",
    );
  });

  test("has the interface name, the kernel settings and the link-local addresses that were asked for", async () => {
    await using w = await world();
    await w.create("one");
    await w.create("two", { EnableIPv6: true });
    const a = await living(w, "a", "one");
    const options = {
      "com.docker.network.endpoint.ifname": "lan7",
      "com.docker.network.endpoint.sysctls":
        "net.ipv4.conf.IFNAME.log_martians=1,net.ipv4.neigh.ifname.mcast_solicit=5",
    };
    const settings = { DriverOpts: options, IPAMConfig: { LinkLocalIPs: ["169.254.9.9", "fe80::77"] } };
    w.networks.checkEndpoint("two", settings);
    await w.networks.join("two", a.wanted, settings, a.process);
    const link = a.namespace.routes.link("lan7");
    const own = a.namespace.routes.addresses().filter((one) => one.link === link?.index);
    expect(own.map((one) => `${one.address}/${one.prefixLength}`)).toEqual(
      expect.arrayContaining(["169.254.9.9/16", "fe80::77/64"]),
    );
    using inside = new NetworkHost(a.namespace);
    expect(inside.sysctl("ipv4/conf/lan7/log_martians")).toBe("1");
    expect(inside.sysctl("ipv4/neigh/lan7/mcast_solicit")).toBe("5");
    for (const [what, words] of [
      [
        { "com.docker.network.endpoint.sysctls": "net.ipv4.conf.../../../x.y=1" },
        "unrecognised network interface sysctl",
      ],
      [
        { "com.docker.network.endpoint.sysctls": "kernel.core_pattern.a.IFNAME.x=1" },
        "unrecognised network interface sysctl",
      ],
      [{ "com.docker.network.endpoint.ifname": "a/b" }, "invalid interface name"],
    ] as const) {
      expect(() => w.networks.checkEndpoint("two", { DriverOpts: what })).toThrow(words);
    }
    expect(() => w.networks.checkEndpoint("two", { IPAMConfig: { IPv4Address: "1.2.3.4" } })).toThrow(
      "no configured subnet contains IP address 1.2.3.4",
    );
  });

  test("gets its addresses again after a rest, while others come and go", async () => {
    await using w = await world();
    await w.create("one", { IPAM: { Config: [{ Subnet: "10.50.0.0/29" }] } });
    const first = await w.run("first", "one");
    const second = await w.run("second", "one");
    await w.networks.release(first.id);
    await w.networks.release(second.id);
    const third = await w.run("third", "one");
    expect(address(await w.run("second", "one"), "one")).toBe(address(second, "one"));
    expect(address(await w.run("first", "one"), "one")).toBe(address(first, "one"));
    expect(address(third, "one")).toBe("10.50.0.4");
    // Somebody else has it by now.
    await w.networks.release(second.id);
    await w.run("thief", "one", {
      networking: { EndpointsConfig: { one: { IPAMConfig: { IPv4Address: address(second, "one") } } } },
    });
    expect(address(await w.run("second", "one"), "one")).toBe("10.50.0.5");
  });

  test("with the host's network, or none, is on no other", async () => {
    await using w = await world();
    await w.create("one");
    const networking = { EndpointsConfig: { one: {} } };
    await expect(w.run("a", "host", { networking })).rejects.toThrow("sharing network namespace");
    await expect(w.run("a", "none", { networking })).rejects.toThrow("in private (none) mode");
    const off = await w.run("b", "bridge", { networking, withoutMode: true });
    expect(Object.keys(off.settings.Networks ?? {})).toEqual(["one"]);
    const nowhere = await w.run("c", "bridge", { withoutMode: true });
    expect(nowhere.namespace.routes.links().map(({ name }) => name)).toEqual(["lo"]);
  });
});

describe("macvlan and ipvlan", () => {
  const on = (parent: string, more = {}): NetworkCreateRequest => ({
    Driver: "macvlan",
    Options: { parent, ...more },
    IPAM: { Config: [{ Subnet: "10.9.0.0/24", IPRange: "10.9.0.128/25", Gateway: "10.9.0.1" }] },
  });

  test("a container sits on the wire, under an address of its own", async () => {
    await using w = await world();
    await w.create("wire", on("lan0"));
    const a = await w.run("a", "wire", publish(":8080:80/tcp"));
    expect(a.settings.Networks?.["wire"]).toMatchObject({ IPAddress: "10.9.0.128", Gateway: "10.9.0.1" });
    expect(a.settings.Ports).toEqual({ "80/tcp": null });
    using _server = serve(a.namespace, 80, "a");
    expect(await probe(w.lan.neighbour, "10.9.0.128", 80)).toBe("a 10.9.0.2");
    expect(a.namespace.routes.link("eth0")).toMatchObject({ kind: "macvlan", mac: "02:42:0a:09:00:80" });
  });

  test("what makes no sense is refused", async () => {
    await using w = await world();
    await expect(w.create("x", { Driver: "macvlan" })).rejects.toThrow("needs an interface of the host");
    await expect(w.create("x", on("nosuch0"))).rejects.toThrow('invalid parent interface "nosuch0"');
    await expect(w.create("x", on("lan0", { macvlan_mode: "l2" }))).rejects.toThrow(
      'requested macvlan mode "l2"',
    );
    // Not every kernel has all of it; where it lacks something, that is said when the network is made.
    for (const wanted of [
      { Driver: "ipvlan", Options: { parent: "lan0" } },
      { Driver: "macvlan", Options: { parent: "lan0.50" } },
    ]) {
      const outcome = await w.create("maybe", wanted).then(
        () => w.networks.remove("maybe"),
        (error: Error) => error.message,
      );
      expect(outcome ?? "works").toMatch(/^works$|^this kernel has no (ipvlan|vlan) interfaces$/);
    }
  });
});
