import { describe, expect, test } from "bun:test";
import {
  contains,
  formatAddress,
  formatSubnet,
  isLoopback,
  nthAddress,
  overlaps,
  parseAddress,
  parseInterface,
  parseSubnet,
  tryParseAddress,
  tryParseInterface,
} from "./cidr.ts";

describe("addresses", () => {
  test.each([
    ["0.0.0.0", "0.0.0.0"],
    ["172.17.0.2", "172.17.0.2"],
    ["255.255.255.255", "255.255.255.255"],
    ["::", "::"],
    ["::1", "::1"],
    ["fe00:0:0:0:0:0:0:0", "fe00::"],
    ["2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7"],
    ["::ffff:10.0.0.1", "::ffff:a00:1"],
    ["1::", "1::"],
  ])("%s reads and prints as %s", (text, printed) => {
    expect(formatAddress(parseAddress(text))).toBe(printed);
  });

  test.each([
    "",
    "1.2.3",
    "1.2.3.4.5",
    "256.1.1.1",
    "01.2.3.4",
    "1.2.3.4 ",
    "0x7f.0.0.1",
    ":::",
    "1::2::3",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7",
    "::12345",
    "fe80::1%eth0",
    "1:2:3:4:5:6:7::8:9",
    `::${"0".repeat(100)}`,
  ])("%p is no address", (text) => {
    expect(tryParseAddress(text)).toBeUndefined();
  });

  test("loopback is the whole of 127/8, and ::1", () => {
    expect(
      ["127.0.0.1", "127.255.0.9", "::1", "128.0.0.1", "::2"].map((a) => isLoopback(parseAddress(a))),
    ).toEqual([true, true, true, false, false]);
  });
});

describe("subnets", () => {
  test("host bits are masked away, the address is kept", () => {
    const { address, subnet } = parseInterface("192.168.18.7/20");
    expect(formatSubnet(subnet)).toBe("192.168.16.0/20");
    expect(formatAddress(address)).toBe("192.168.18.7");
  });

  test.each(["10.0.0.0", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/a", "::/129", "/8", "10.0.0.0/8/8"])(
    "%p is no prefix",
    (text) => {
      expect(tryParseInterface(text)).toBeUndefined();
    },
  );

  test("overlap goes both ways and never across families", () => {
    const all = parseSubnet("0.0.0.0/0");
    const small = parseSubnet("172.17.0.0/16");
    expect(overlaps(small, parseSubnet("172.16.0.0/12"))).toBe(true);
    expect(overlaps(parseSubnet("172.16.0.0/12"), small)).toBe(true);
    expect(overlaps(small, parseSubnet("172.18.0.0/16"))).toBe(false);
    expect(overlaps(all, small)).toBe(true);
    expect(overlaps(all, parseSubnet("::/0"))).toBe(false);
  });

  test("counting and containing", () => {
    const subnet = parseSubnet("172.17.0.0/16");
    expect(formatAddress(nthAddress(subnet, 1n))).toBe("172.17.0.1");
    expect(formatAddress(nthAddress(subnet, -1n))).toBe("172.17.255.255");
    expect(contains(subnet, parseAddress("172.17.9.9"))).toBe(true);
    expect(contains(subnet, parseAddress("172.18.0.0"))).toBe(false);
    expect(contains(parseSubnet("::/0"), parseAddress("172.18.0.0"))).toBe(false);
  });
});
