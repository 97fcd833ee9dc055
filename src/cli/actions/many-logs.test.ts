import { expect, test } from "bun:test";
import { type OutputChunk, STDERR, STDOUT } from "../../lib/index.ts";
import { linesOf, merged } from "./many-logs.ts";

const at = (second: number) => `2026-05-01T12:00:0${second}.000000000Z`;

async function* output(...chunks: (readonly [number, string])[]): AsyncGenerator<OutputChunk> {
  for (const [stream, text] of chunks) yield { stream, bytes: Buffer.from(text) } as OutputChunk;
}

test("lines of several containers come in the order of their times, whole and once", async () => {
  const web = output([STDOUT, `${at(1)} a\n${at(3)} c`], [STDOUT, "ontinued\n"], [STDERR, `${at(5)} e\n`]);
  const db = output([STDOUT, `${at(2)} b\n${at(3)} d\n${at(6)} without an end`]);
  const silent = output();
  const lines: unknown[] = [];
  for await (const { index, descriptor, time, text } of merged([web, db, silent].map(linesOf)))
    lines.push([index, descriptor, time.slice(17, 19), Buffer.from(text).toString()]);
  expect(lines).toEqual([
    [0, 1, "01", "a"],
    [1, 1, "02", "b"],
    [0, 1, "03", "continued"],
    [1, 1, "03", "d"],
    [0, 2, "05", "e"],
    [1, 1, "06", "without an end"],
  ]);
});
