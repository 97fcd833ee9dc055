import { expect, test } from "bun:test";
import { fileURLToPath } from "node:url";
import { inNetworkNamespace } from "../namespaces/enter.ts";
import { createNetworkNamespace } from "../namespaces/network-namespace.ts";

test("a veth pair between two namespaces, each end born where it belongs", () => {
  using left = createNetworkNamespace();
  using right = createNetworkNamespace();
  left.routes.createBridge("br0", { mac: "02:42:00:00:00:01", mtu: 1400, up: true });
  left.routes.createVeth({
    name: "veth0",
    peerName: "eth0",
    peerNamespace: right,
    bridge: "br0",
    mac: "02:42:00:00:00:02",
    peerMac: "02:42:00:00:00:03",
    mtu: 1400,
  });
  const bridge = left.routes.link("br0");
  expect(bridge).toMatchObject({ kind: "bridge", mac: "02:42:00:00:00:01", mtu: 1400, up: true });
  expect(left.routes.link("veth0")).toMatchObject({
    kind: "veth",
    mac: "02:42:00:00:00:02",
    mtu: 1400,
    up: true,
    master: bridge!.index,
  });
  expect(right.routes.link("eth0")).toMatchObject({ mac: "02:42:00:00:00:03", mtu: 1400, up: false });
  right.routes.configure("eth0", {
    addresses: ["10.1.2.3/24", "fd00:1::3/64"],
    routes: [
      { gateway: "10.1.2.1" },
      { gateway: "fd00:1::1" },
      { destination: "192.168.7.0/24", scope: "link" },
    ],
  });
  const { index, up } = right.routes.link("eth0")!;
  expect(up).toBe(true);
  const addresses = right.routes
    .addresses()
    .filter((address) => address.link === index && address.scope === 0);
  expect(addresses.map((one) => `${one.address}/${one.prefixLength}`).sort()).toEqual([
    "10.1.2.3/24",
    "fd00:1::3/64",
  ]);
  const routes = right.routes.routes().filter((route) => route.table === 254 && route.link === index);
  const texts = routes.map((route) => `${route.destination} ${route.gateway ?? "-"}`);
  expect(texts).toContain("default 10.1.2.1");
  expect(texts).toContain("default fd00:1::1");
  expect(texts).toContain("192.168.7.0/24 -");
  expect(texts).toContain("10.1.2.0/24 -");
});

const CLIENT = fileURLToPath(new URL("../fixtures/tcp-client.ts", import.meta.url));

test("bytes travel between two namespaces on a bridge", async () => {
  using host = createNetworkNamespace();
  using container = createNetworkNamespace();
  host.routes.createBridge("br0", { up: true });
  host.routes.addAddress("br0", "10.9.0.1/16");
  host.routes.createVeth({ name: "v0", peerName: "eth0", peerNamespace: container, bridge: "br0" });
  container.routes.configure("eth0", { addresses: ["10.9.0.2/16"], routes: [{ gateway: "10.9.0.1" }] });
  using server = inNetworkNamespace(container, () =>
    Bun.listen({
      hostname: "10.9.0.2",
      port: 80,
      socket: { data() {}, open: (socket) => void socket.end("hello") },
    }),
  );
  expect(server.port).toBe(80);
  const client = Bun.spawn([process.execPath, CLIENT, host.path, "10.9.0.2", "80"], { stdout: "pipe" });
  expect(await new Response(client.stdout).text()).toBe("hello");
  const counters = container.routes.link("eth0")?.statistics;
  expect(counters?.rxBytes).toBeGreaterThan(0);
  expect(counters?.txPackets).toBeGreaterThan(0);
});

/** Kinds of links that kernels may lack. */
function kernelHas(kind: "dummy" | "vlan" | "ipvlan" | "macvlan"): boolean {
  using namespace = createNetworkNamespace();
  const { routes } = namespace;
  routes.createVeth({ name: "v0", peerName: "v1", peerNamespace: namespace });
  try {
    if (kind === "dummy") routes.createDummy("d0");
    else if (kind === "vlan") routes.createVlan({ name: "v0.3", parent: "v0", id: 3 });
    else if (kind === "ipvlan") routes.createIpvlan({ name: "i0", parent: "v0", mode: "l2" });
    else routes.createMacvlan({ name: "m0", parent: "v0", mode: "bridge" });
    return true;
  } catch (error) {
    if (error instanceof Error && error.message.includes("Unknown device type")) return false;
    throw error;
  }
}

test("links are changed, renamed and deleted", () => {
  using namespace = createNetworkNamespace();
  const { routes } = namespace;
  routes.createBridge("br0");
  routes.createVeth({ name: "d0", peerName: "d0-peer", peerNamespace: namespace });
  routes.setMaster("d0", "br0");
  routes.setHairpin("d0", true);
  routes.setIsolated("d0", true);
  expect(routes.link("d0")?.port).toEqual({ hairpin: true, isolated: true });
  routes.setHairpin("d0", false);
  expect(routes.link("d0")?.port).toEqual({ hairpin: false, isolated: true });
  expect(routes.link("d0")?.master).toBe(routes.link("br0")!.index);
  routes.setMaster("d0", null);
  routes.setMtu("d0", 1234);
  routes.setMac("d0", "02:00:00:00:00:0a");
  routes.setDown("d0");
  routes.rename("d0", "d1");
  const renamed = routes.link("d1");
  expect(renamed).toMatchObject({ mtu: 1234, mac: "02:00:00:00:00:0a", up: false });
  expect(renamed?.master).toBeUndefined();
  routes.deleteLink("d1");
  expect(routes.link("d1")).toBeUndefined();
  expect(() => routes.deleteLink("d1")).toThrow("ENODEV");
});

test.skipIf(!kernelHas("dummy"))("a dummy link", () => {
  using namespace = createNetworkNamespace();
  namespace.routes.createDummy("d0", { mac: "02:00:00:00:00:09", up: true });
  expect(namespace.routes.link("d0")).toMatchObject({ kind: "dummy", mac: "02:00:00:00:00:09", up: true });
});

test.skipIf(!kernelHas("macvlan"))("a macvlan link is born in another namespace", () => {
  using host = createNetworkNamespace();
  using container = createNetworkNamespace();
  host.routes.createVeth({ name: "parent", peerName: "other", peerNamespace: host });
  host.routes.createMacvlan({ name: "eth0", parent: "parent", mode: "bridge", namespace: container });
  expect(container.routes.link("eth0")?.kind).toBe("macvlan");
  expect(host.routes.link("eth0")).toBeUndefined();
});

test.skipIf(!kernelHas("ipvlan"))("an ipvlan link is born in another namespace", () => {
  using host = createNetworkNamespace();
  using container = createNetworkNamespace();
  host.routes.createVeth({ name: "parent", peerName: "other", peerNamespace: host });
  host.routes.createIpvlan({ name: "eth1", parent: "parent", mode: "l3", namespace: container });
  expect(container.routes.link("eth1")?.kind).toBe("ipvlan");
});

test.skipIf(!kernelHas("vlan"))("a tagged link", () => {
  using namespace = createNetworkNamespace();
  namespace.routes.createVeth({ name: "parent", peerName: "other", peerNamespace: namespace });
  namespace.routes.createVlan({ name: "parent.42", parent: "parent", id: 42 });
  expect(namespace.routes.link("parent.42")).toMatchObject({
    kind: "vlan",
    parent: namespace.routes.link("parent")!.index,
  });
});

test("addresses and routes come and go", () => {
  using namespace = createNetworkNamespace();
  const { routes } = namespace;
  routes.createBridge("d0", { up: true });
  routes.addAddress("d0", "10.5.0.1/16");
  expect(() => routes.addAddress("d0", "10.5.0.1/16")).toThrow("EEXIST");
  routes.addRoute({ destination: "10.77.0.0/16", gateway: "10.5.0.9", metric: 7 });
  expect(routes.routes().find(({ destination }) => destination === "10.77.0.0/16")).toMatchObject({
    gateway: "10.5.0.9",
    metric: 7,
  });
  routes.removeRoute({ destination: "10.77.0.0/16" });
  routes.removeAddress("d0", "10.5.0.1/16");
  const { index } = routes.link("d0")!;
  expect(routes.addresses().filter(({ link, family }) => link === index && family === 4)).toEqual([]);
});

test("the kernel's own explanation is in the error", () => {
  using namespace = createNetworkNamespace();
  const { routes } = namespace;
  routes.createBridge("d0");
  expect(() => routes.addRoute({ gateway: "10.5.0.9", device: "d0" })).toThrow(/\(.+\)/);
  expect(() => routes.createBridge("d0")).toThrow("EEXIST");
  expect(() => routes.setUp("none")).toThrow("ENODEV");
});

test("a failure in the middle does not confuse the answers that follow", () => {
  using namespace = createNetworkNamespace();
  const { routes } = namespace;
  routes.createBridge("d0");
  const bad = { addresses: ["10.0.0.1/24", "10.0.0.1/24", "10.0.1.1/24"], routes: [{ gateway: "99.9.9.9" }] };
  expect(() => routes.configure("d0", bad)).toThrow("EEXIST");
  expect(routes.link("d0")?.up).toBe(true);
  const index = routes.link("d0")!.index;
  expect(routes.addresses().filter(({ link, family }) => link === index && family === 4).length).toBe(2);
});

test("hundreds of links, addresses and routes are all listed and all batched", () => {
  using namespace = createNetworkNamespace();
  const { routes } = namespace;
  for (let at = 0; at < 200; at++) routes.createBridge(`d${at}`);
  const addresses = Array.from({ length: 900 }, (_, at) => `10.${at >> 8}.${at & 255}.1/32`);
  routes.configure("d0", { addresses });
  expect(routes.links().length).toBe(201);
  expect(routes.addresses().filter(({ prefixLength }) => prefixLength === 32).length).toBe(900);
});

test("names that the kernel would cut or misread are refused", () => {
  using namespace = createNetworkNamespace();
  for (const name of ["", ".", "a/b", "a b", "sixteen-chars-xx", "a\0b"]) {
    expect(() => namespace.routes.createBridge(name)).toThrow("invalid network interface name");
  }
});
