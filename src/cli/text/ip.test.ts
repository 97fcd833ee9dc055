import { expect, test } from "bun:test";
import { isIP } from "node:net";
import { isIPv4, isIPv6 } from "./ip.ts";

const TEXTS = [
  "1.2.3.4",
  "255.255.255.255",
  "256.1.1.1",
  "1.2.3",
  "1.2.3.4.5",
  "01.2.3.4",
  "",
  "a",
  "1.2.3.4 ",
  "::",
  "::1",
  "1::",
  "1:2:3:4:5:6:7:8",
  "1:2:3:4:5:6:7",
  "1:2:3:4:5:6:7:8:9",
  "1::8",
  "1::2::3",
  "12345::",
  "::ffff:1.2.3.4",
  "::ffff:1.2.3.256",
  "1:2:3:4:5:6:1.2.3.4",
  "1:2:3:4:5:6:7:1.2.3.4",
  "1.2.3.4::",
  ":1",
  "1:",
  "1:2:3:4::5:6:7:8",
  "g::",
  "2001:db8::33",
  "fe80::1",
];

for (const text of TEXTS) {
  test(`${JSON.stringify(text)} is what node:net says`, () => {
    expect([isIPv4(text), isIPv6(text)]).toEqual([isIP(text) === 4, isIP(text) === 6]);
  });
}
