import { expect, test } from "bun:test";
import { readFileSync, readlinkSync } from "node:fs";
import { openDescriptors } from "../testing.ts";
import { inNetworkNamespace } from "./enter.ts";
import { createNetworkNamespace, openNetworkNamespace } from "./network-namespace.ts";

const here = () => readlinkSync("/proc/thread-self/ns/net");

test("a new namespace has nothing but lo, which is up", () => {
  using namespace = createNetworkNamespace();
  expect(namespace.routes.links().map(({ name, up }) => ({ name, up }))).toEqual([{ name: "lo", up: true }]);
  expect(namespace.routes.addresses().map(({ address }) => address)).toContain("127.0.0.1");
});

test("work runs inside and comes home, even when it throws", () => {
  using namespace = createNetworkNamespace();
  using other = createNetworkNamespace();
  const home = here();
  const inside = inNetworkNamespace(namespace, here);
  expect(inside).not.toBe(home);
  expect(here()).toBe(home);
  expect(() =>
    inNetworkNamespace(namespace, () => {
      throw new Error("inside");
    }),
  ).toThrow("inside");
  expect(here()).toBe(home);
  const nested = inNetworkNamespace(namespace, () => [inNetworkNamespace(other, here), here()]);
  expect(nested[1]).toBe(inside);
  expect(nested[0]).not.toBe(inside);
  expect(here()).toBe(home);
});

test("asynchronous work is refused", () => {
  using namespace = createNetworkNamespace();
  expect(() => inNetworkNamespace(namespace, async () => {})).toThrow("must not be asynchronous");
});

test("a process that cannot come home is aborted", async () => {
  const script = `
    import { closeSync, readdirSync, readlinkSync } from "node:fs";
    import { createNetworkNamespace, inNetworkNamespace } from ${JSON.stringify(import.meta.resolve("../index.ts"))};
    const home = readlinkSync("/proc/thread-self/ns/net");
    inNetworkNamespace(createNetworkNamespace(), () => {
      for (const fd of readdirSync("/proc/self/fd")) {
        try { if (readlinkSync("/proc/self/fd/" + fd) === home) closeSync(Number(fd)); } catch {}
      }
    });
    process.stdout.write("went on");`;
  const child = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe", stderr: "ignore" });
  expect(await new Response(child.stdout).text()).toBe("");
  await child.exited;
  expect(child.signalCode).toBe("SIGABRT");
});

test("another process reaches the namespace by its path", async () => {
  using namespace = createNetworkNamespace();
  namespace.routes.createBridge("berth-d0");
  const script = `
    import { openNetworkNamespace } from ${JSON.stringify(import.meta.resolve("../index.ts"))};
    process.stdout.write(openNetworkNamespace(${JSON.stringify(namespace.path)}).routes.links()[1].name);`;
  const child = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe" });
  expect(await new Response(child.stdout).text()).toBe("berth-d0");
  using again = openNetworkNamespace(namespace.path);
  expect(again.routes.link("berth-d0")?.kind).toBe("bridge");
});

test("a closed namespace leaves no descriptor", () => {
  createNetworkNamespace().close();
  const before = openDescriptors(/^(net:|socket:)/);
  for (let at = 0; at < 20; at++) {
    const namespace = createNetworkNamespace();
    namespace.close();
    namespace.close();
  }
  // What the tests before this one let go may go only now.
  expect(openDescriptors(/^(net:|socket:)/)).toBeLessThanOrEqual(before);
  expect(() => openNetworkNamespace("/proc/none/ns/net")).toThrow("ENOENT");
  expect(readFileSync("/proc/net/dev", "utf8")).toContain("lo:");
});
