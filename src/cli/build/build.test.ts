import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StatusMessage } from "../../lib/buildkit/index.ts";
import { parseOutputs } from "./outputs.ts";
import { JsonView } from "./progress/json-view.ts";
import { PlainView } from "./progress/plain-view.ts";
import { TerminalView } from "./progress/terminal-view.ts";
import { harmless } from "./progress/texts.ts";
import { parseContext } from "./request.ts";
import { parseSecrets } from "./secrets.ts";

const collecting = (warn: (text: string) => void) => ({ print() {}, warn });

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "berth-cli-build-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe("--secret", () => {
  const parse = (spec: string, env = {}) => parseSecrets([spec], env)[0];

  test("is a file or a variable", () => {
    writeFileSync(join(folder, "s"), "");
    const path = join(folder, "s");
    expect(parse(`id=a,src=${path}`)).toEqual({ id: "a", file: path });
    expect(parse(`type=file,id=a,source=${path}`)).toEqual({ id: "a", file: path });
    expect(parse("id=a,env=V", { V: "v" })).toEqual({ id: "a", value: "v" });
    expect(parse("id=V", { V: "v" })).toEqual({ id: "V", value: "v" });
    expect(parse("id=a,type=env,src=V", { V: "v" })).toEqual({ id: "a", value: "v" });
    expect(parse(`id=a,src=${path}`, { a: "not this" })).toEqual({ id: "a", file: path });
  });

  test("is refused in Docker's words", () => {
    for (const [spec, message] of [
      ["a", "invalid field 'a' must be a key=value pair"],
      ["id=a,x=y", "unexpected key 'x' in 'x=y'"],
      ["src=x", "missing id"],
      ["id=a,type=vault", 'unsupported secret type "vault"'],
      ["id=a,src=/no/such", "failed to stat /no/such: no such file or directory"],
    ] as const) {
      expect(() => parse(spec)).toThrow(message);
    }
  });
});

test("-o says what the result is and where it goes", () => {
  const outputs = (output: string[], more = {}) =>
    parseOutputs({ output, push: false, load: false, ...more });
  expect(outputs([])).toEqual({ outputs: [], toStdout: false });
  expect(outputs(["out"]).outputs).toEqual([{ type: "local", dest: "out", attributes: {} }]);
  expect(outputs(["type=oci,dest=x,a=b"]).outputs).toEqual([
    { type: "oci", dest: "x", attributes: { a: "b" } },
  ]);
  expect(() => outputs(["type=local,dest=-"])).toThrow("dest cannot be stdout for local exporter");
  expect(() => outputs(["dest=x"])).toThrow("type is required for output");
  expect(() => outputs(["type=oci,x"])).toThrow("invalid value x");
  expect(() => outputs([], { push: true, load: true })).toThrow("push and load may not be set together");
});

test("--build-context is a name and a place", () => {
  expect(parseContext("n=docker-image://x")).toEqual(["n", "docker-image://x"]);
  expect(() => parseContext("x")).toThrow("invalid context value: x, expected key=value");
});

describe("progress", () => {
  const nothing: StatusMessage = { vertexes: [], statuses: [], logs: [], warnings: [] };
  const vertex = (digest: string, name: string, more: object = {}) => ({
    ...{ digest, inputs: [], name, cached: false, started: 1000, completed: undefined, error: "" },
    ...more,
  });
  const log = (digest: string, text: string, time = 1500) => ({
    vertex: digest,
    time,
    stream: 1,
    bytes: Buffer.from(text),
  });
  const shown = (messages: Partial<StatusMessage>[], failed = false) => {
    let text = "";
    const view = new PlainView(
      collecting((more) => {
        text += more;
      }),
    );
    for (const message of messages) view.show({ ...nothing, ...message });
    view.end(failed);
    return text;
  };

  test("plain: a step's lines stay together", () => {
    const text = shown([
      {
        vertexes: [vertex("a", "[1/2] RUN one"), vertex("b", "[2/2] RUN two")],
        logs: [log("a", "first\nhal"), log("b", "other\n")],
      },
      { logs: [log("a", "f\n", 1750)] },
      { vertexes: [vertex("a", "[1/2] RUN one", { completed: 3000 })] },
      { vertexes: [vertex("b", "[2/2] RUN two", { completed: 4000, cached: true })] },
    ]);
    expect(text).toBe(
      [
        ...["#1 [1/2] RUN one", "#1 0.500 first", "#1 0.750 half", "#1 DONE 2.0s", ""],
        ...["#2 [2/2] RUN two", "#2 0.500 other", "#2 CACHED", "", ""],
      ].join("\n"),
    );
  });

  test("plain: what failed comes again at the end, and what was found", () => {
    const warning = {
      ...{ vertex: "", level: 1, detail: [], url: "", fileName: "Dockerfile", fileText: "" },
      short: "Rule: text (line 3)",
      ranges: [{ start: 3, end: 3 }],
    };
    const text = shown(
      [
        { vertexes: [vertex("a", "RUN x")], logs: [log("a", "oh\x1b[31m no\x1b[0m\n")] },
        { vertexes: [vertex("a", "RUN x", { completed: 2000, error: "exit code: 1" })], warnings: [warning] },
      ],
      true,
    );
    expect(text).toContain("#1 ERROR: exit code: 1\n");
    expect(text).toContain("------\n > RUN x:\noh no\n------\n");
    expect(text).toContain(" 1 warning found:\n - Rule: text (line 3)\n");
  });

  test("a transfer is told when it takes long and when it has ended", () => {
    const part = (current: number, time: number, completed?: number) => {
      const times = { time, started: 1000, completed };
      return { id: "transferring:", vertex: "a", name: "t", current, total: 0, ...times };
    };
    const text = shown([
      { vertexes: [vertex("a", "load")], statuses: [part(1, 1001)] },
      { statuses: [part(2000, 2100)] },
      { statuses: [part(4000, 2200)] },
      { statuses: [part(5000, 2500, 2500)] },
    ]);
    expect(text.match(/transferring/g)?.length).toBe(2);
    expect(text).toContain("#1 transferring: 5kB 1.5s done");
  });

  test("json: BuildKit's names, and times as dates", () => {
    let text = "";
    const view = new JsonView(
      collecting((more) => {
        text += more;
      }),
    );
    view.show({ ...nothing, vertexes: [vertex("a", "n", { completed: 2000 })], logs: [log("a", "x")] });
    expect(JSON.parse(text)).toEqual({
      vertexes: [
        {
          digest: "a",
          name: "n",
          started: "1970-01-01T00:00:01.000Z",
          completed: "1970-01-01T00:00:02.000Z",
        },
      ],
      logs: [{ vertex: "a", stream: 1, data: "eA==", timestamp: "1970-01-01T00:00:01.500Z" }],
    });
  });

  test("on a terminal: never higher than it is, and nothing runs over its edge", () => {
    let text = "";
    const output = collecting((more) => {
      text += more;
    });
    const view = new TerminalView(output, { rows: 10, columns: 50 }, { NO_COLOR: "1" });
    const many = Array.from({ length: 30 }, (_, at) =>
      vertex(`v${at}`, `[${at}] RUN ${"long ".repeat(30)}`, at < 25 ? { completed: 2000 } : {}),
    );
    view.show({ ...nothing, vertexes: many, logs: [log("v29", `${"line ".repeat(40)}\n`.repeat(20))] });
    view.redraw();
    const lines = text
      .split("\n")
      .map((line) => line.replaceAll(/\x1b\[[^A-Za-z]*[A-Za-z]/g, "").replaceAll("\r", ""));
    expect(lines.length).toBeLessThanOrEqual(10);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(50);
    view.end(false);
    expect(text).toEndWith("\x1b[?25h");
  });

  test("nothing that a step prints commands a terminal", () => {
    expect(harmless("a\x1b]0;title\x07b\x1b[2Jc\x1b(Bd\x9b1me\tf\b\r")).toBe("abcd1me    f");
  });
});
