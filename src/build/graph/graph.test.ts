import { describe, expect, test } from "bun:test";
import { digestOf } from "../../lib/index.ts";
import { planText, type TestOptions } from "../dockerfile/testing.ts";
import { type BuildGraph, type GraphOptions, graphOf, stepKey, type Vertex } from "./graph.ts";

const graph = (text: string, options?: GraphOptions, plan?: TestOptions) =>
  graphOf(planText(text, plan), options);
const kinds = ({ vertices }: BuildGraph) => [...vertices.values()].map(({ operation }) => operation.kind);
const vertex = (found: BuildGraph, stage: number, step: number): Vertex =>
  found.vertices.get(found.steps.get(stepKey(stage, step))!)!;

describe("graphOf()", () => {
  test("each vertex comes after its inputs, and the target is the last stage's files", () => {
    const found = graph("FROM a AS one\nRUN x\nFROM b\nWORKDIR /w\nENV A=1\nCOPY --from=one y z\nCOPY . .");
    expect(kinds(found)).toEqual(["image", "run", "image", "mkdir", "copy", "context", "copy"]);
    const before = new Set<string>();
    for (const { digest, inputs } of found.vertices.values()) {
      for (const input of inputs) expect(before.has(input)).toBe(true);
      before.add(digest);
    }
    expect(found.target).toBe(found.steps.get("1/3")!);
    expect(vertex(found, 1, 2).inputs[1]).toBe(found.stages.get(0)!);
  });

  test("the same work is done once", () => {
    const found = graph("FROM a AS one\nRUN x\nFROM a AS two\nRUN x\nRUN y\nFROM one\nCOPY --from=two b c");
    expect(kinds(found)).toEqual(["image", "run", "run", "copy"]);
    expect(vertex(found, 0, 0).origins.map(({ stage, lines }) => [stage, lines!.start])).toEqual([
      [0, 2],
      [1, 4],
    ]);
  });

  const alike: [what: string, one: string, other: string, same: boolean][] = [
    ["lines and comments", "FROM a\nRUN x", "# c\nFROM a\n\nRUN \\\n x", true],
    ["stage names", "FROM a AS b\nRUN x", "FROM a AS c\nRUN x", true],
    ["labels before it", "FROM a\nRUN x", "FROM a\nLABEL a=b\nRUN x", true],
    ["another command", "FROM a\nRUN x", "FROM a\nRUN y", false],
    ["another base", "FROM a\nRUN x", "FROM b\nRUN x", false],
    ["another platform", "FROM a\nRUN x", "FROM --platform=arm64 a\nRUN x", false],
    ["a variable", "FROM a\nRUN x", "FROM a\nENV A=1\nRUN x", false],
    ["an argument", "FROM a\nRUN x", "FROM a\nARG A=1\nRUN x", false],
    ["an argument after it", "FROM a\nRUN x", "FROM a\nRUN x\nARG A=1", true],
    ["another user", "FROM a\nRUN x", "FROM a\nUSER me\nRUN x", false],
    ["another network", "FROM a\nRUN x", "FROM a\nRUN --network=none x", false],
    ["another mount", "FROM a\nRUN x", "FROM a\nRUN --mount=type=tmpfs,target=/x x", false],
    ["another script", "FROM a\nRUN <<E\n#!/a\nE", "FROM a\nRUN <<E\n#!/b\nE", false],
    ["another mode", "FROM a\nCOPY a b", "FROM a\nCOPY --chmod=700 a b", false],
    ["an exclusion", "FROM a\nCOPY a b", "FROM a\nCOPY --exclude=x a b", false],
  ];
  for (const [what, one, other, same] of alike) {
    test(`${what}: ${same ? "the same" : "different"}`, () => {
      expect(graph(one).target === graph(other).target).toBe(same);
    });
  }

  test("a linked copy does not depend on what is below", () => {
    const text = (base: string) => `FROM ${base}\nCOPY --link a b`;
    const layers = ["a", "c"].map((base) => vertex(graph(text(base)), 0, 0));
    expect(layers[0]!.digest).not.toBe(layers[1]!.digest);
    expect(layers[0]!.inputs[1]).toBe(layers[1]!.inputs[1]!);
  });

  test("an image is what its digest says", () => {
    const at = (content: string) =>
      graph("FROM a", {
        imageDigests: new Map([["docker.io/library/a:latest linux/amd64", digestOf(content)]]),
      }).target;
    expect(at("1")).toBe(at("1"));
    expect(at("1")).not.toBe(at("2"));
    expect(at("1")).not.toBe(graph("FROM a").target);
  });

  test("what is to be done again is the stage's work, not its sources", () => {
    const text = "FROM a AS one\nRUN x\nFROM a AS two\nCOPY --from=one b c";
    const fresh = (options: GraphOptions) =>
      [...graph(text, options).vertices.values()]
        .filter(({ noCache }) => noCache)
        .map(({ operation }) => operation.kind);
    expect(fresh({})).toEqual([]);
    expect(fresh({ noCache: true })).toEqual(["run", "copy"]);
    expect(fresh({ noCache: new Set(["two"]) })).toEqual(["copy"]);
  });

  test("proxies count for nothing", () => {
    const digest = (HTTP_PROXY: string) => graph("FROM a\nRUN x", {}, { buildArgs: { HTTP_PROXY } }).target;
    expect(digest("a")).toBe(digest("b"));
  });

  test("files come from where they are, once each", () => {
    const found = graph(
      "FROM a\nRUN --mount=target=/x --mount=target=/y --mount=type=cache,target=/c --mount=type=secret,id=s x\nADD https://h/a git@h:r.git b /d/",
    );
    const run = vertex(found, 0, 0);
    expect(run.operation).toMatchObject({
      mounts: [
        { input: 1, target: "/x" },
        { input: 1, target: "/y" },
        { input: 2 },
        { type: "secret", id: "s" },
      ],
    });
    expect(run.inputs.map((input) => found.vertices.get(input)!.operation.kind)).toEqual([
      "image",
      "context",
      "scratch",
    ]);
    const add = vertex(found, 0, 1);
    expect(add.inputs.map((input) => found.vertices.get(input)!.operation.kind)).toEqual([
      "run",
      "http",
      "git",
      "context",
    ]);
  });
});
