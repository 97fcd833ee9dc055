import { expect, test } from "bun:test";
import { decodeStatus, type StatusMessage } from "../../lib/buildkit/index.ts";
import type { Digest } from "../../lib/index.ts";
import { TraceStream } from "./trace.ts";

const digest = `sha256:${"a".repeat(64)}` as Digest;
const state = {
  digest,
  inputs: [],
  name: "RUN x",
  started: 1,
  completed: undefined,
  cached: false,
  error: undefined,
};

function traced(work: (trace: TraceStream) => void): StatusMessage[] {
  const messages: StatusMessage[] = [];
  {
    using trace = new TraceStream((message) => void messages.push(decodeStatus(message)));
    work(trace);
  }
  return messages;
}

test("what is told at once travels together, in order", () => {
  const messages = traced(({ report }) => {
    report({ kind: "vertex", vertex: state });
    report({ kind: "log", vertex: digest, stream: 2, bytes: Buffer.from("hi"), time: 5 });
    report({ kind: "vertex", vertex: { ...state, completed: 9, error: "exit code: 1" } });
    const warning = {
      level: 1,
      short: "s",
      detail: ["d"],
      url: "u",
      fileName: "Dockerfile",
      fileText: "FROM x",
      lines: { start: 2, end: 3 },
    };
    report({ kind: "warning", vertex: undefined, warning });
  });
  expect(messages).toMatchObject([
    {
      vertexes: [
        { started: 1, completed: undefined },
        { completed: 9, error: "exit code: 1" },
      ],
      logs: [{ vertex: digest, stream: 2, bytes: Uint8Array.from(Buffer.from("hi")) }],
      warnings: [{ short: "s", fileName: "Dockerfile", ranges: [{ start: 2, end: 3 }] }],
    },
  ]);
});

test("what has no name is not shown, nor is it named as an input", () => {
  const scratch = { ...state, digest: `sha256:${"b".repeat(64)}` as Digest, name: "" };
  const messages = traced(({ report }) => {
    report({ kind: "vertex", vertex: scratch });
    report({ kind: "vertex", vertex: { ...state, inputs: [scratch.digest] } });
  });
  expect(messages).toMatchObject([{ vertexes: [{ digest, inputs: [] }] }]);
  expect(messages[0]!.vertexes).toHaveLength(1);
});

test("of a part only the latest is told", () => {
  const status = {
    id: "t",
    vertex: digest,
    name: "",
    current: 1,
    total: undefined,
    started: 1,
    completed: undefined,
    time: 1,
  };
  const [message] = traced(({ report }) => {
    for (let current = 1; current <= 1000; current++)
      report({ kind: "status", status: { ...status, current } });
    report({ kind: "status", status: { ...status, id: "u" } });
  });
  expect(message!.statuses.map(({ id, current }) => [id, current])).toEqual([
    ["t", 1000],
    ["u", 1],
  ]);
});

test("nothing to tell is nothing sent", () => {
  expect(traced(() => {})).toEqual([]);
});

test("a step that prints without end is cut off, once, and others are not", () => {
  const other = `sha256:${"b".repeat(64)}` as Digest;
  const [message] = traced(({ report }) => {
    const bytes = Buffer.alloc(1_500_000, "x");
    for (let count = 0; count < 5; count++)
      report({ kind: "log", vertex: digest, stream: 1, bytes, time: 1 });
    report({ kind: "log", vertex: other, stream: 1, bytes: Buffer.from("mine"), time: 1 });
  });
  const text = (vertex: Digest) =>
    message!.logs
      .filter((log) => log.vertex === vertex)
      .map(({ bytes }) => Buffer.from(bytes).toString())
      .join("");
  expect(text(digest).match(/log limit 2MiB reached/g)?.length).toBe(1);
  expect(text(digest).length).toBeLessThan(2_200_000);
  expect(text(other)).toBe("mine");
});
