import { expect, test } from "bun:test";
import { type OutputChunk, STDOUT } from "../../../lib/index.ts";
import type { Engine } from "../../../sdk/index.ts";
import { colours } from "../colours.ts";
import { LogFollower, type Turn } from "./log-follower.ts";
import { LogPrinter } from "./log-printer.ts";
import { Prefixes } from "./prefixes.ts";

async function* said(text: string): AsyncGenerator<OutputChunk> {
  yield { stream: STDOUT, bytes: new TextEncoder().encode(text) };
}

const turn = (kind: Turn["kind"], time: string): Turn => ({
  ...{ kind, time, id: "1", name: "a-1" },
  ...{ exitCode: 0, restarting: false, replaces: "" },
});

/** A follower, what it prints, and since when it asked for logs; each log is that of one run. */
function following(finishedAt = "0001-01-01T00:00:00Z") {
  const out: string[] = [];
  const asked: (string | undefined)[] = [];
  const writer = {
    write: async (_: 1 | 2, data: Uint8Array) => void out.push(new TextDecoder().decode(data)),
    flush: async () => {},
  };
  const containers = {
    inspect: async () => ({ State: { FinishedAt: finishedAt } }),
    logs: async (_: string, { since }: { since?: string }) => {
      asked.push(since);
      return said("next run\n");
    },
  };
  const prefixes = new Prefixes({ isShown: true, colours: { 1: colours.none, 2: colours.none } });
  const follower = new LogFollower({
    engine: { containers } as unknown as Engine,
    printer: new LogPrinter({ prefixes, writer }),
    logs: {},
    signal: new AbortController().signal,
    warn: (message) => void out.push(message),
    onFailure: () => {},
  });
  return { follower, out, asked };
}

test("a run that is over before its start is told is shown once", async () => {
  const { follower, out, asked } = following();
  await follower.attach("1", "a-1", async () => said("first run\n"));
  await follower.finished();
  follower.turn(turn("started", "1.0"));
  follower.turn(turn("exited", "2.0"));
  await follower.finished();
  expect(out.join("")).toBe("a-1  | first run\na-1 exited with code 0\n");
  expect(asked).toEqual([]);
});

test("the run after that one is shown from its start", async () => {
  const { follower, out, asked } = following();
  await follower.attach("1", "a-1", async () => said("first run\n"));
  for (const one of [turn("started", "1.0"), turn("exited", "2.0"), turn("started", "3.0")])
    follower.turn(one);
  await follower.finished();
  expect(asked).toEqual(["2.0"]);
  expect(out).toContain("a-1  | next run\n");
});

test("a container that ran already when it was attached to is shown again when it restarts", async () => {
  const { follower, asked } = following();
  await follower.attach("1", "a-1", async () => said("first run\n"));
  for (const one of [turn("exited", "2.0"), turn("started", "3.0")]) follower.turn(one);
  await follower.finished();
  expect(asked).toEqual(["2.0"]);
});

test("a run of a stopped container that is over when it is asked for is shown", async () => {
  const { follower, asked } = following("1970-01-01T00:00:04Z");
  await follower.follow("1", "a-1", async () => said("earlier run\n"));
  await follower.finished();
  follower.turn(turn("started", "3.0"));
  await follower.finished();
  expect(asked).toEqual(["3.0"]);
});
