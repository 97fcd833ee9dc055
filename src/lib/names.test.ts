import { expect, test } from "bun:test";
import { decodeName, encodeName, isEscapedName } from "./names.ts";

test("decodeName() and encodeName() carry every byte string there and back", () => {
  const samples = [
    [0x61, 0x62],
    [...Buffer.from("grüße-日本-🐋")],
    [0xff, 0xfe, 0x61],
    [0xc3],
    [0xe2, 0x82],
    [0xed, 0xa0, 0x80],
    [0xef, 0xbf, 0xbd],
    [0xef, 0xbb, 0xbf, 0x61],
    [0xf0, 0x9f, 0x90, 0x8b, 0x80],
    [0x61, 0xf0, 0x9f, 0x90],
  ];
  for (const sample of samples) {
    expect([...encodeName(decodeName(Uint8Array.from(sample)))]).toEqual(sample);
  }
  for (let byte = 0; byte < 256; byte++) {
    for (const next of [0x2f, 0x80, 0xbf, 0xc3, 0xff]) {
      expect([...encodeName(decodeName(Uint8Array.from([byte, next])))]).toEqual([byte, next]);
    }
  }
});

test("isEscapedName() tells names that are not UTF-8", () => {
  expect(isEscapedName(decodeName(Uint8Array.from([0x61, 0xff])))).toBe(true);
  expect(isEscapedName(decodeName(Buffer.from("ü�")))).toBe(false);
});
