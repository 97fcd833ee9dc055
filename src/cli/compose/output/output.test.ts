import { expect, test } from "bun:test";
import { type OutputChunk, STDERR, STDOUT } from "../../../lib/index.ts";
import { colours } from "../colours.ts";
import type { LineWriter } from "./line-writer.ts";
import { LineSplitter } from "./lines.ts";
import { LogPrinter } from "./log-printer.ts";
import { Prefixes } from "./prefixes.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (lines: readonly Uint8Array[]) => lines.map((line) => new TextDecoder().decode(line));

test("LineSplitter puts lines together, whatever pieces they come in", () => {
  const splitter = new LineSplitter();
  expect(text(splitter.push(bytes("a\nb")))).toEqual(["a"]);
  expect(text(splitter.push(bytes("c\n\nd\r\n")))).toEqual(["bc", "", "d\r"]);
  expect(text(splitter.push(bytes("e")))).toEqual([]);
  expect(text(splitter.push(bytes("f")))).toEqual([]);
  expect(text(splitter.end())).toEqual(["ef"]);
  expect(text(splitter.end())).toEqual([]);
});

test("LineSplitter keeps no line without end", () => {
  const splitter = new LineSplitter();
  let lines = 0;
  for (let count = 0; count < 40; count++) lines += splitter.push(new Uint8Array(64 * 1024).fill(97)).length;
  expect(lines).toBe(2);
});

interface Written {
  readonly writer: LineWriter;
  readonly out: string[];
  readonly err: string[];
}

function recorder(): Written {
  const out: string[] = [];
  const err: string[] = [];
  const writer = {
    write: async (descriptor: 1 | 2, data: Uint8Array) =>
      void (descriptor === 1 ? out : err).push(new TextDecoder().decode(data)),
    flush: async () => {},
  };
  return { writer, out, err };
}

async function* output(...chunks: readonly (readonly [OutputChunk["stream"], string])[]) {
  for (const [stream, data] of chunks) yield { stream, bytes: bytes(data) };
}

test("LogPrinter prefixes whole lines, padded to the longest name", async () => {
  const { writer, out, err } = recorder();
  const prefixes = new Prefixes({ isShown: true, colours: { 1: colours.none, 2: colours.none } });
  const printer = new LogPrinter({ prefixes, writer, split: true });
  printer.register(["db-1", "worker-1"]);
  await printer.print("db-1", output([STDOUT, "one\ntw"], [STDERR, "oops\n"], [STDOUT, "o\nrest"]));
  await printer.status("worker-1", "exited with code 0");
  expect(out.join("")).toBe(
    "db-1      | one\ndb-1      | two\ndb-1      | rest\nworker-1 exited with code 0\n",
  );
  expect(err.join("")).toBe("db-1      | oops\n");
});

test("each container has a colour of its own, in the order of registration", async () => {
  const { writer, out } = recorder();
  const prefixes = new Prefixes({ isShown: true, colours: { 1: colours.ansi, 2: colours.ansi } });
  const printer = new LogPrinter({ prefixes, writer });
  printer.register(["a-1", "b-1"]);
  await printer.print("b-1", output([STDERR, "x\n"]));
  await printer.print("a-1", output([STDOUT, "y\n"]));
  expect(out.join("")).toBe("\x1b[33mb-1  | \x1b[0mx\n\x1b[36ma-1  | \x1b[0my\n");
});

test("without prefixes lines stay as they are", async () => {
  const { writer, out } = recorder();
  const prefixes = new Prefixes({ isShown: false, colours: { 1: colours.ansi, 2: colours.ansi } });
  await new LogPrinter({ prefixes, writer }).print("a-1", output([STDOUT, "\x1b[1mbold\x1b[0m\n"]));
  expect(out.join("")).toBe("\x1b[1mbold\x1b[0m\n");
});
