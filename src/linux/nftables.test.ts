import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { createNetworkNamespace } from "./namespaces/network-namespace.ts";
import { Nftables } from "./nftables.ts";

const ways = { library: Nftables.openLibrary, command: Nftables.openCommand };

for (const [way, open] of Object.entries(ways)) {
  const installed = way === "library" ? Nftables.openLibrary() !== undefined : existsSync("/usr/sbin/nft");
  test.skipIf(!installed)(`a table is made, listed, changed and deleted in its namespace (${way})`, () => {
    using namespace = createNetworkNamespace();
    using filter = open(namespace)!;
    filter.run("add table ip berth-test { map ports { type inet_service : ipv4_addr; }; }");
    filter.run("add element ip berth-test ports { 80 : 10.0.0.2 }");
    expect(filter.run("list table ip berth-test")).toContain("80 : 10.0.0.2");
    using other = Nftables.open(namespace);
    expect(other.run("list tables")).toContain("berth-test");
    using here = Nftables.open();
    expect(here.run("list tables")).not.toContain("berth-test");
    filter.run("delete table ip berth-test");
    expect(filter.run("list ruleset").trim()).toBe("");
  });

  test.skipIf(!installed)(`the generation changes with every transaction and no other way (${way})`, () => {
    using namespace = createNetworkNamespace();
    using filter = open(namespace)!;
    using other = open(namespace)!;
    const first = filter.generation();
    expect(filter.generation()).toBe(first);
    other.run("add table ip berth-test");
    const second = filter.generation();
    expect(second).not.toBe(first);
    filter.run("list ruleset");
    expect(filter.generation()).toBe(second);
  });

  test.skipIf(!installed)(`a script that fails changes nothing and says why (${way})`, () => {
    using namespace = createNetworkNamespace();
    using filter = open(namespace)!;
    expect(() => filter.run("add table ip one\nadd rule ip none input accept\n")).toThrow(
      "No such file or directory",
    );
    expect(() => filter.run("no words of nft")).toThrow("no words of nft");
    expect(filter.run("list ruleset").trim()).toBe("");
  });
}

test("a closed filter says so, and closing twice is harmless", () => {
  using namespace = createNetworkNamespace();
  const filter = Nftables.open(namespace);
  filter.close();
  filter.close();
  expect(() => filter.run("list tables")).toThrow("closed");
});
