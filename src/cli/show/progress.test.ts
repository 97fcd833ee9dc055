import { expect, test } from "bun:test";
import type { JsonMessage } from "../../wire/index.ts";
import { progressBar, showProgress } from "./progress.ts";

async function* messages(...list: JsonMessage[]): AsyncGenerator<JsonMessage> {
  yield* list;
}

async function shown(isTerminal: boolean, ...list: JsonMessage[]): Promise<string> {
  let text = "";
  await showProgress(messages(...list), { print: (part) => (text += part), isTerminal });
  return text;
}

const PULL: JsonMessage[] = [
  { status: "Pulling from x", id: "latest" },
  { status: "Downloading", id: "aa", progressDetail: { current: 5, total: 10 } },
  { status: "Pull complete", id: "aa", progressDetail: {} },
  { status: "Status: done" },
];

test("away from a terminal only what is final is shown", async () => {
  expect(await shown(false, ...PULL)).toBe("latest: Pulling from x\naa: Pull complete\nStatus: done\n");
});

test("on a terminal each id has one line that is drawn again", async () => {
  const text = await shown(true, ...PULL);
  expect(text).toContain("\x1b[1A\x1b[2K\raa: Downloading [");
  expect(text).toContain("\x1b[1A\x1b[2K\raa: Pull complete");
});

test("a stream's text is passed on, and a failure is thrown", async () => {
  expect(await shown(false, { stream: "Step 1\n" })).toBe("Step 1\n");
  await expect(shown(false, { errorDetail: { message: "no such host" }, error: "x" })).rejects.toThrow(
    "no such host",
  );
});

test("a bar is full at the end", () => {
  expect(progressBar(10, 10, 80)).toMatch(/^\[=+\] +10B\/10B$/);
  expect(progressBar(1, 0, 80)).toBe("1B");
});
