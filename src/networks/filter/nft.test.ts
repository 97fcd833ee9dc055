import { describe, expect, test } from "bun:test";
import { parseAddress, parseSubnet } from "../cidr.ts";
import { NftFilter } from "./nft.ts";
import type { FilteredNetwork, Publication } from "./packet-filter.ts";

/** Notes what it is told to run; `refuse` makes it fail once. */
function recorder() {
  const scripts: string[] = [];
  let refusals = 0;
  let generation = 1;
  let lists = 0;
  return {
    scripts,
    get lists() {
      return lists;
    },
    /** Somebody else's transaction. */
    bump: () => {
      generation++;
    },
    generation: () => generation,
    refuse: () => {
      refusals = 1;
    },
    run(script: string) {
      if (script.startsWith("list ")) {
        lists++;
        return "";
      }
      generation++;
      if (refusals-- > 0) throw new Error("No such file or directory");
      scripts.push(script);
      return "";
    },
    close() {},
  };
}

const open = async () => {
  const runner = recorder();
  let saved: readonly string[] = [];
  const userRules = {
    load: () => saved,
    save: (rules: readonly string[]) => {
      saved = rules;
    },
  };
  const filter = new NftFilter({ table: "berth", runner, userRules, families: new Set([4, 6]) });
  await filter.open();
  runner.scripts.length = 0;
  return { filter, runner };
};

const publication = (hostPort: number, more: Partial<Publication> = {}): Publication => ({
  container: { port: 80, protocol: "tcp" },
  hostAddress: parseAddress("0.0.0.0"),
  hostPort,
  address: parseAddress("172.17.0.2"),
  gateway: parseAddress("172.17.0.1"),
  ...more,
});
const network: FilteredNetwork = {
  bridge: "berth0",
  subnets: [parseSubnet("172.17.0.0/16")],
  icc: true,
  internal: false,
  masquerade: true,
};

describe("NftFilter", () => {
  test("does what was asked in one turn of the event loop in one transaction, in order", async () => {
    const { filter, runner } = await open();
    await Promise.all([
      ...Array.from({ length: 20 }, (_, i) => filter.publish([publication(8000 + i)])),
      filter.unpublish([publication(8003)]),
      filter.publish([publication(8003, { address: parseAddress("172.17.0.9") })]),
    ]);
    expect(runner.scripts).toHaveLength(1);
    const lines = runner.scripts[0]!.split("\n").filter((line) => line.includes("8003"));
    expect(lines).toEqual([
      "add element inet berth published4_any { tcp . 8003 : 172.17.0.2 . 80 }",
      "add element inet berth loopback4_any { tcp . 8003 : 172.17.0.1 }",
      "delete element inet berth published4_any { tcp . 8003 }",
      "delete element inet berth loopback4_any { tcp . 8003 }",
      "add element inet berth published4_any { tcp . 8003 : 172.17.0.9 . 80 }",
      "add element inet berth loopback4_any { tcp . 8003 : 172.17.0.1 }",
    ]);
  });

  test("runs nothing where nothing is published", async () => {
    const { filter, runner } = await open();
    await filter.publish([]);
    await filter.unpublish([publication(8000)]);
    await filter.removeNetwork("berth0");
    expect(runner.scripts).toEqual([]);
  });

  test("builds all of it anew where a change does not fit what is there", async () => {
    const { filter, runner } = await open();
    await filter.addNetwork(network);
    await filter.publish([publication(8000)]);
    runner.scripts.length = 0;
    runner.refuse();
    await filter.publish([publication(8001)]);
    expect(runner.scripts).toHaveLength(1);
    for (const part of ["delete table inet berth", '"berth0"', "tcp . 8000", "tcp . 8001"]) {
      expect(runner.scripts[0]).toContain(part);
    }
  });

  test("a loopback address is led to from this host only, and [::1] not at all", async () => {
    const { filter, runner } = await open();
    await filter.publish([publication(80, { hostAddress: parseAddress("127.0.0.1") })]);
    await filter.publish([publication(80, { hostAddress: parseAddress("192.0.2.1") })]);
    await filter.publish([
      publication(80, { hostAddress: parseAddress("::1"), address: parseAddress("fd00::2") }),
    ]);
    expect(runner.scripts.join("").trim().split("\n")).toEqual([
      "add element inet berth published4 { tcp . 127.0.0.1 . 80 : 172.17.0.2 . 80 }",
      "add element inet berth loopback4 { tcp . 127.0.0.1 . 80 : 172.17.0.1 }",
      "add element inet berth published4 { tcp . 192.0.2.1 . 80 : 172.17.0.2 . 80 }",
    ]);
  });

  test("the refusal of everything reaches whoever waits", async () => {
    const { filter, runner } = await open();
    runner.run = (script) => {
      if (script.startsWith("list ")) return "";
      throw new Error("Operation not permitted");
    };
    await expect(filter.publish([publication(80)])).rejects.toThrow(
      "cannot set up the packet filter: Operation not permitted",
    );
  });

  test("looks at its chains only after somebody else has changed something, and then at all of them", async () => {
    const { filter, runner } = await open();
    const looks = async (times: number) => {
      const before = runner.lists;
      for (let i = 0; i < times; i++) await filter.verify();
      return runner.lists - before;
    };
    await looks(20);
    expect(await looks(20)).toBe(0);
    await filter.publish([publication(8000)]);
    expect(await looks(20)).toBe(0);
    runner.bump();
    expect(await looks(1)).toBeGreaterThan(0);
    expect(await looks(20)).toBeGreaterThan(6);
    expect(await looks(20)).toBe(0);
  });
});
