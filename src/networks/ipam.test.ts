import { describe, expect, test } from "bun:test";
import { formatAddress, formatSubnet, parseAddress, parseSubnet } from "./cidr.ts";
import { AddressPool } from "./ipam.ts";
import { macOf, parseMac } from "./mac.ts";
import { chooseSubnet, DEFAULT_POOLS, parsePools } from "./subnets.ts";

const pool = (subnet: string, range?: string, ...reserved: string[]) =>
  new AddressPool({
    subnet: parseSubnet(subnet),
    ...(range === undefined ? {} : { range: parseSubnet(range) }),
    reserved: reserved.map(parseAddress),
  });
const next = (from: AddressPool) => formatAddress(from.allocate().address);

describe("AddressPool", () => {
  test("hands out one after the other, behind the gateway", () => {
    const addresses = pool("172.17.0.0/16", undefined, "172.17.0.1");
    expect([next(addresses), next(addresses)]).toEqual(["172.17.0.2", "172.17.0.3"]);
  });

  test("an address that was given back rests until the others were used", () => {
    const addresses = pool("10.0.0.0/29", undefined, "10.0.0.1");
    const first = addresses.allocate();
    addresses.release(first.address);
    expect(Array.from({ length: 5 }, () => next(addresses))).toEqual([
      "10.0.0.3",
      "10.0.0.4",
      "10.0.0.5",
      "10.0.0.6",
      "10.0.0.2",
    ]);
    expect(() => addresses.allocate()).toThrow("no available IPv4 addresses on this network's address pools");
  });

  test("a range narrows what is handed out, not what may be asked for", () => {
    const addresses = pool("10.0.0.0/24", "10.0.0.128/31", "10.0.0.1");
    expect(formatAddress(addresses.take(parseAddress("10.0.0.9")).address)).toBe("10.0.0.9");
    expect([next(addresses), next(addresses)]).toEqual(["10.0.0.128", "10.0.0.129"]);
    expect(() => addresses.allocate()).toThrow("no available");
  });

  test("refuses what is in use or of another subnet", () => {
    const addresses = pool("10.0.0.0/24", undefined, "10.0.0.1");
    for (const used of ["10.0.0.0", "10.0.0.1", "10.0.0.255"]) {
      expect(() => addresses.take(parseAddress(used))).toThrow("Address already in use");
    }
    expect(() => addresses.take(parseAddress("10.0.1.9"))).toThrow(
      "no configured subnet contains IP address 10.0.1.9",
    );
    expect(() => addresses.take(parseAddress("fd00::9"))).toThrow("no configured subnet contains");
  });

  test("never hands out one that is in use, however they come and go", () => {
    const addresses = pool("10.0.0.0/27", undefined, "10.0.0.1");
    const live = new Map<string, ReturnType<AddressPool["allocate"]>>();
    let seed = 7;
    for (let round = 0; round < 2000; round++) {
      seed = (seed * 1103515245 + 12345) % 2147483648;
      if (live.size < 29 && seed % 3 !== 0) {
        const got = addresses.allocate();
        const text = formatAddress(got.address);
        expect(live.has(text)).toBe(false);
        live.set(text, got);
      } else if (live.size > 0) {
        const [text, victim] = [...live][seed % live.size]!;
        addresses.release(victim.address);
        live.delete(text);
      }
    }
  });

  test("IPv6 has no broadcast address and is as quick on a /64", () => {
    const addresses = pool("fd00::/64", undefined, "fd00::1");
    expect(next(addresses)).toBe("fd00::2");
    expect(formatAddress(addresses.take(parseAddress("fd00::ffff:ffff:ffff:ffff")).address)).toBe(
      "fd00::ffff:ffff:ffff:ffff",
    );
  });
});

describe("subnets", () => {
  const choose = (...taken: string[]) => formatSubnet(chooseSubnet(DEFAULT_POOLS, taken.map(parseSubnet)));

  test("the first is Docker's", () => expect(choose()).toBe("172.17.0.0/16"));

  test("goes round whatever the host uses", () => {
    expect(choose("172.17.3.0/24", "192.0.2.0/24")).toBe("172.18.0.0/16");
    expect(choose("172.16.0.0/12")).toBe("192.168.0.0/20");
    expect(choose("172.16.0.0/12", "192.168.0.0/21", "192.168.17.0/24")).toBe("192.168.32.0/20");
    expect(choose("172.17.0.0/16", "172.18.0.0/15", "172.20.0.0/16")).toBe("172.21.0.0/16");
    expect(() => choose("0.0.0.0/1", "128.0.0.0/1")).toThrow(
      "all predefined address pools have been fully subnetted",
    );
  });

  test("pools of one's own", () => {
    const pools = parsePools([
      { base: "10.10.0.0/16", size: 24 },
      { base: "fd00::/8", size: 64 },
    ]);
    expect(formatSubnet(chooseSubnet(pools, [parseSubnet("10.10.0.0/23")]))).toBe("10.10.2.0/24");
    expect(formatSubnet(chooseSubnet(pools, [parseSubnet("fd00::/9")], 6))).toBe("fd80::/64");
    expect(() => parsePools([{ base: "10.0.0.0/16", size: 8 }])).toThrow("cannot cut");
    expect(() => parsePools([{ base: "x", size: 8 }])).toThrow("invalid CIDR address");
  });
});

describe("hardware addresses", () => {
  test("derived from the address", () => expect(macOf(parseAddress("172.17.0.2"))).toBe("02:42:ac:11:00:02"));

  test("the forms a user may write", () => {
    for (const text of ["02:42:AC:11:00:02", "02-42-ac-11-00-02", "0242.ac11.0002"]) {
      expect(parseMac(text)).toBe("02:42:ac:11:00:02");
    }
  });

  test.each([
    "",
    "02:42:ac:11:00",
    "02:42-ac:11:00:02",
    "zz:42:ac:11:00:02",
    "01:00:5e:00:00:01",
    "00:00:00:00:00:00",
  ])("%p is refused", (text) => expect(() => parseMac(text)).toThrow("invalid MAC address"));
});
