import { expect, test } from "bun:test";
import { formatIp, formatMac, parseCidr, parseIp, parseMac } from "./ip.ts";

test("addresses are read and written in their canonical form", () => {
  const forms = {
    "10.0.0.1": "10.0.0.1",
    "::": "::",
    "::1": "::1",
    "FE80:0:0:0:1:0:0:1": "fe80::1:0:0:1",
    "2001:db8:0:1:1:1:1:1": "2001:db8:0:1:1:1:1:1",
    "2001:db8::": "2001:db8::",
    "::ffff:10.1.2.3": "::ffff:a01:203",
    "1:0:0:2:0:0:0:3": "1:0:0:2::3",
  };
  for (const [given, canonical] of Object.entries(forms)) expect(formatIp(parseIp(given))).toBe(canonical);
});

test("a prefix length counts bits", () => {
  expect(parseCidr("172.17.0.1/16")).toEqual({
    family: 2,
    bytes: Uint8Array.of(172, 17, 0, 1),
    prefixLength: 16,
  });
  expect(parseCidr("::1").prefixLength).toBe(128);
});

test("what is no address is refused", () => {
  for (const text of [
    "",
    "1.2.3",
    "1.2.3.4/33",
    "1.2.3.4/-1",
    "::/129",
    "fe80::1%eth0",
    "host",
    "1.2.3.4/",
    "010.0.0.1/08x",
  ]) {
    expect(() => parseCidr(text)).toThrow("invalid");
  }
});

test("hardware addresses", () => {
  expect(formatMac(parseMac("02-42-AC-11-00-02"))).toBe("02:42:ac:11:00:02");
  for (const text of ["02:42:ac:11:00", "02:42:ac:11:00:zz", ""])
    expect(() => parseMac(text)).toThrow("invalid MAC");
});
