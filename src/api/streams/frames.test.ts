import { expect, test } from "bun:test";
import { linesInFrames } from "./frames.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);

test("each line is a frame, the last one too where it has no newline", () => {
  const pieces = [...linesInFrames({ stream: 2, bytes: bytesOf("one\n\nlast") })];
  expect(Buffer.concat(pieces).toString("latin1")).toBe(
    "\x02\0\0\0\0\0\0\x04one\n\x02\0\0\0\0\0\0\x01\n\x02\0\0\0\0\0\0\x04last",
  );
  expect(pieces).toHaveLength(1);
});

test("many short lines come in pieces of a bounded number of frames", () => {
  const pieces = [...linesInFrames({ stream: 1, bytes: bytesOf("\n".repeat(5000)) })];
  expect(pieces.map((piece) => piece.length / 9)).toEqual([...Array(9).fill(512), 392]);
});
