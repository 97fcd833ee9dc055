import { expect, test } from "bun:test";
import { type OutputChunk, STDERR, STDOUT } from "../lib/index.ts";
import { ProcessOutput, webStream } from "./output.ts";

const chunk = (stream: OutputChunk["stream"], text: string): OutputChunk => ({
  stream,
  bytes: Buffer.from(text),
});

/** Output that tells how much of it was asked for, and whether it was left. */
function source(chunks: readonly OutputChunk[]) {
  const seen = { asked: 0, left: false };
  async function* give(): AsyncGenerator<OutputChunk, void> {
    try {
      for (const each of chunks) {
        seen.asked++;
        yield each;
      }
    } finally {
      seen.left = true;
    }
  }
  return { seen, output: new ProcessOutput(give()) };
}

const SAMPLE = [
  chunk(STDOUT, "one\ntw"),
  chunk(STDERR, "bad\r\n"),
  chunk(STDOUT, "o\nthr\xc3"),
  chunk(STDERR, "worse"),
];

test("lines are put together for each output, and a last one without an end is one", async () => {
  const lines: string[] = [];
  for await (const line of source(SAMPLE).output.lines()) lines.push(line);
  expect(lines).toEqual(["one", "bad", "two", "thr\xc3", "worse"]);
});

test("a character that is cut in two is one, in lines and in texts", async () => {
  const bytes = Buffer.from("ä\n");
  const cut = [bytes.subarray(0, 1), bytes.subarray(1)].map(
    (part) => ({ stream: STDOUT, bytes: part }) as const,
  );
  const lines: string[] = [];
  for await (const line of source(cut).output.lines()) lines.push(line);
  expect(lines).toEqual(["ä"]);
  expect(await source(cut).output.text()).toBe("ä\n");
  expect(await source(cut).output.texts()).toEqual({ stdout: "ä\n", stderr: "" });
});

test("both outputs as web streams, each with its own", async () => {
  const { output } = source(SAMPLE);
  const [stdout, stderr] = await Promise.all([
    new Response(output.stdout).text(),
    new Response(output.stderr).text(),
  ]);
  expect([stdout, stderr]).toEqual(["one\ntwo\nthr\xc3", "bad\r\nworse"]);
});

test("one output alone: the other is passed over", async () => {
  expect(await new Response(source(SAMPLE).output.stderr).text()).toBe("bad\r\nworse");
});

test("an output that is not read holds the source back", async () => {
  const much = Array.from({ length: 100 }, () => chunk(STDOUT, "x".repeat(100_000)));
  const { seen, output } = source(much);
  const { stdout, stderr } = output;
  const reader = stdout.getReader();
  await reader.read();
  expect(seen.asked).toBeLessThan(20);
  let bytes = 100_000;
  for (let next = await reader.read(); next.done !== true; next = await reader.read())
    bytes += next.value.length;
  expect(bytes).toBe(10_000_000);
  expect((await stderr.getReader().read()).done).toBe(true);
});

test("who cancels all streams leaves the source; who cancels one goes on with the other", async () => {
  const { seen, output } = source(SAMPLE);
  const { stdout, stderr } = output;
  await stdout.cancel();
  expect(await new Response(stderr).text()).toBe("bad\r\nworse");
  expect(seen.left).toBe(true);
  const other = source(Array.from({ length: 1000 }, () => chunk(STDOUT, "x".repeat(100_000))));
  const reader = other.output.stdout.getReader();
  await reader.read();
  await reader.cancel();
  expect(other.seen.left).toBe(true);
  expect(other.seen.asked).toBeLessThan(50);
});

test("a failure reaches both streams", async () => {
  async function* broken(): AsyncGenerator<OutputChunk, void> {
    yield chunk(STDOUT, "a");
    throw new Error("gone");
  }
  const { stdout, stderr } = new ProcessOutput(broken());
  await expect(new Response(stdout).text()).rejects.toThrow("gone");
  await expect(stderr.getReader().read()).rejects.toThrow("gone");
});

test("a web stream of an iteration asks for what is read, and no more", async () => {
  let asked = 0;
  async function* count(): AsyncGenerator<number, void> {
    for (;;) yield ++asked;
  }
  const reader = webStream(count()).getReader();
  expect(asked).toBe(0);
  expect((await reader.read()).value).toBe(1);
  expect((await reader.read()).value).toBe(2);
  await reader.cancel();
  expect(asked).toBe(2);
});
