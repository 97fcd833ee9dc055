import { expect, test } from "bun:test";
import { STDERR, STDOUT } from "../lib/index.ts";
import { FrameDecoder } from "./frames.ts";

function frame(stream: number, text: string): Buffer {
  const bytes = Buffer.from(text);
  const head = Buffer.from([stream, 0, 0, 0, 0, 0, 0, 0]);
  head.writeUInt32BE(bytes.length, 4);
  return Buffer.concat([head, bytes]);
}

const shown = (chunks: readonly { stream: number; bytes: Uint8Array }[]) =>
  chunks.map(({ stream, bytes }) => [stream, Buffer.from(bytes).toString()]);

test("neighbouring frames of a stream become one chunk, and the order of streams stays", () => {
  const input = Buffer.concat([frame(1, "a"), frame(1, "b"), frame(2, "c"), frame(1, ""), frame(1, "d")]);
  expect(shown(new FrameDecoder().push(input))).toEqual([
    [STDOUT, "ab"],
    [STDERR, "c"],
    [STDOUT, "d"],
  ]);
});

test("frames may be cut anywhere", () => {
  const input = Buffer.concat([frame(1, "hello"), frame(2, "world"), frame(1, "!")]);
  for (let cut = 1; cut < input.length; cut++) {
    const decoder = new FrameDecoder();
    const chunks = [...decoder.push(input.subarray(0, cut)), ...decoder.push(input.subarray(cut))];
    const text = (stream: number) =>
      shown(chunks.filter((chunk) => chunk.stream === stream))
        .map(([, part]) => part)
        .join("");
    expect([text(STDOUT), text(STDERR)]).toEqual(["hello!", "world"]);
  }
});

test("an error frame is the engine's failure, and what is no frame is refused", () => {
  expect(() => new FrameDecoder().push(frame(3, "no log"))).toThrow("error from daemon in stream: no log");
  expect(() => new FrameDecoder().push(Buffer.from("plain text, no frames"))).toThrow(
    "Unrecognized input header",
  );
});
