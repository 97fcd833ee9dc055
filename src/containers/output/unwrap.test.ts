import { describe, expect, test } from "bun:test";
import { STDERR, STDOUT } from "../../lib/index.ts";
import { Decorator } from "./decorate.ts";
import { instantOf } from "./record-time.ts";
import { bytesOf, records, TIME } from "./testing.ts";
import { unwrap } from "./unwrap.ts";

const both = { stdout: true, stderr: true };
const decorated = (block: Buffer, timestamps = true, details = "") =>
  new Decorator(both, { timestamps, details: Buffer.from(details) }).chunks(block);

describe("the bytes in the records", () => {
  const samples: [string, Buffer][] = [
    ["lines", Buffer.from("one\ntwo\n\nfour\n")],
    ["no end of line", Buffer.from("prompt> ")],
    ["every byte", Buffer.from(Array.from({ length: 256 }, (_, i) => i))],
    ["a terminal's lines", Buffer.from("\r\n\x1b[31mred\r\n")],
    ["something like a record", Buffer.concat([records(STDERR, "x\n"), Buffer.from("\n")])],
    ["empty", Buffer.alloc(0)],
  ];
  test.each(samples)("%s", (_, bytes) => {
    const block = records(STDOUT, bytes);
    expect(bytesOf(decorated(Buffer.from(block), false)).equals(bytes)).toBe(true);
    expect(bytesOf(unwrap(block, both)).equals(bytes)).toBe(true);
  });

  test("neighbours of one stream are one chunk", () => {
    const block = Buffer.concat([
      records(STDOUT, "a\nb\n"),
      records(STDOUT, "c"),
      records(STDERR, "x\n"),
      records(STDOUT, "d\n"),
    ]);
    const chunks = unwrap(block, both).map((c) => [c.stream, Buffer.from(c.bytes).toString()] as const);
    expect(chunks).toEqual([
      [STDOUT, "a\nb\nc"],
      [STDERR, "x\n"],
      [STDOUT, "d\n"],
    ]);
  });

  test("a stream that is not wanted is left out", () => {
    const block = () =>
      Buffer.concat([records(STDOUT, "a\n"), records(STDERR, "x\n"), records(STDOUT, "b\n")]);
    expect(bytesOf(unwrap(block(), { stdout: true, stderr: false })).toString()).toBe("a\nb\n");
    expect(unwrap(block(), { stdout: true, stderr: false })).toHaveLength(1);
    expect(bytesOf(unwrap(block(), { stdout: false, stderr: true })).toString()).toBe("x\n");
  });

  test("half a record, and the next one right behind it", () => {
    const torn = records(STDOUT, "lost\n").subarray(0, 20);
    const block = () => Buffer.concat([records(STDOUT, "a\n"), torn, records(STDOUT, "b\n")]);
    expect(bytesOf(unwrap(block(), both)).toString()).toBe("a\nb\n");
    expect(bytesOf(decorated(block(), false)).toString()).toBe("a\nb\n");
    const garbage = Buffer.concat([Buffer.from("\nTTTT\n2026"), records(STDOUT, "b\n")]);
    expect(bytesOf(unwrap(garbage, both)).toString()).toBe("b\n");
  });

  test("a last record without its end", () => {
    const block = records(STDOUT, "a\nbcd\n").subarray(0, -2);
    expect(bytesOf(unwrap(Buffer.from(block), both)).toString()).toBe("a\nbc");
    expect(bytesOf(decorated(Buffer.from(block), false)).toString()).toBe("a\nbc");
  });
});

describe("times and details", () => {
  test("stand before each line, once", () => {
    const block = Buffer.concat([records(STDOUT, "a"), records(STDERR, "x\n"), records(STDOUT, "b\nc\n")]);
    const text = bytesOf(decorated(block, true, "k=v "));
    const stamp = "2026-01-02T03:04:05.123456789Z k=v ";
    expect(text.toString()).toBe(`${stamp}a${stamp}x\nb\n${stamp}c\n`);
  });

  test.each([
    ["2026-01-02T03:04:05.123456789+05:30", "2026-01-01T21:34:05.123456789Z"],
    ["2026-01-01T00:00:00.000000001-03:00", "2026-01-01T03:00:00.000000001Z"],
    [TIME, "2026-01-02T03:04:05.123456789Z"],
  ])("%s is %s", (written, printed) => {
    expect(bytesOf(decorated(records(STDOUT, "a\n", written))).toString()).toBe(`${printed} a\n`);
  });

  test("a line still knows it was begun in an earlier block", () => {
    const decorator = new Decorator(both, { timestamps: true, details: Buffer.alloc(0) });
    expect(bytesOf(decorator.chunks(records(STDOUT, "begin "))).toString()).toEndWith("Z begin ");
    expect(bytesOf(decorator.chunks(records(STDOUT, "end\n"))).toString()).toBe("end\n");
  });

  test("since and until, to the nanosecond", () => {
    const at = (ns: number) => `2026-01-02T03:04:05.${String(ns).padStart(9, "0")}+00:00`;
    const block = Buffer.concat([1, 2, 3, 4].map((ns) => records(STDOUT, `${ns}\n`, at(ns))));
    const base = BigInt(Date.UTC(2026, 0, 2, 3, 4, 5)) * 1_000_000n;
    const window = (since?: bigint, until?: bigint) => {
      const decorator = new Decorator(both, {
        timestamps: false,
        details: Buffer.alloc(0),
        since: since === undefined ? undefined : instantOf(base + since),
        until: until === undefined ? undefined : instantOf(base + until),
      });
      return [bytesOf(decorator.chunks(block)).toString(), decorator.finished];
    };
    expect(window(2n, 3n)).toEqual(["2\n3\n", true]);
    expect(window(3n)).toEqual(["3\n4\n", false]);
    expect(window(undefined, 4n)).toEqual(["1\n2\n3\n4\n", false]);
    expect(window(5n)).toEqual(["", false]);
  });
});
