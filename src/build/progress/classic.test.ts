import { describe, expect, test } from "bun:test";
import type { Digest } from "../../lib/index.ts";
import type { JsonMessage } from "../../wire/index.ts";
import { BuildFailed } from "../build-failed.ts";
import { readDockerfile } from "../dockerfile/index.ts";
import { planText } from "../dockerfile/testing.ts";
import { graphOf, stepKey } from "../graph/index.ts";
import { ProcessFailed } from "../solve/process-failed.ts";
import { ClassicProgress } from "./classic.ts";
import { NOT_SHOWN, vertexNames } from "./names.ts";

function classic(text: string, options = {}) {
  const messages: JsonMessage[] = [];
  const plan = planText(text, options);
  const graph = graphOf(plan);
  const progress = new ClassicProgress({ quiet: false, remove: true, ...options }, (message) =>
    messages.push(message),
  );
  const planned = { plan, graph, dockerfile: readDockerfile(text), nameOf: vertexNames(plan) };
  progress.planned(planned, new Map());
  const vertex = (
    digest: Digest,
    state: { started?: number; completed?: number; cached?: boolean; error?: string },
  ) =>
    progress.report({
      kind: "vertex",
      vertex: {
        ...{
          digest,
          inputs: [],
          name: "",
          started: undefined,
          completed: undefined,
          cached: false,
          error: undefined,
        },
        ...state,
      },
    });
  const log = (digest: Digest, text: string) =>
    progress.report({ kind: "log", vertex: digest, stream: 1, bytes: Buffer.from(text), time: 0 });
  return {
    progress,
    graph,
    step: (stage: number, step: number) => graph.steps.get(stepKey(stage, step))!,
    start: (digest: Digest) => vertex(digest, { started: 1 }),
    end: (digest: Digest, cached = false) => vertex(digest, { started: 1, completed: 2, cached }),
    log,
    /** Text with ids replaced. */
    text: () =>
      messages
        .map(({ stream = "" }) => stream.replace(/\b[0-9a-f]{12}\b/g, "<id>"))
        .join("")
        .split("\n"),
    messages,
  };
}

const IMAGE_ID = `sha256:${"ab".repeat(32)}` as Digest;

describe("ClassicProgress", () => {
  test("a build of its own words", () => {
    const { graph, step, start, end, log, progress, text, messages } = classic(
      'ARG V=1\nFROM a\nENV A=b\nRUN echo $A\nCOPY x /y\nCMD ["a", "b"]',
    );
    const run = step(0, 1);
    end(graph.vertices.get(run)!.inputs[0]!);
    start(run);
    log(run, "hello ");
    log(run, "you\n");
    end(run);
    end(step(0, 2), true);
    progress.finish(IMAGE_ID, ["x:latest", "y:1"]);
    expect(text()).toEqual([
      "Step 1/6 : ARG V=1",
      " ---> ",
      "Step 2/6 : FROM a",
      " ---> <id>",
      "Step 3/6 : ENV A=b",
      " ---> <id>",
      "Step 4/6 : RUN echo $A",
      " ---> Running in <id>",
      "hello you",
      " ---> Removed intermediate container <id>",
      " ---> <id>",
      "Step 5/6 : COPY x /y",
      " ---> Using cache",
      " ---> <id>",
      'Step 6/6 : CMD ["a", "b"]',
      " ---> <id>",
      "Successfully built <id>",
      "Successfully tagged x:latest",
      "Successfully tagged y:1",
      "",
    ]);
    expect(messages).toContainEqual({ aux: { ID: IMAGE_ID } });
    expect(messages).toContainEqual({ stream: " ---> abababababab\n" });
    expect(messages).toContainEqual({ stream: "Successfully built abababababab\n" });
  });

  test("steps that run at the same time are told one after another", () => {
    const { graph, step, start, end, log, text } = classic(
      "FROM a AS x\nRUN one\nFROM a AS y\nRUN two\nFROM x\nCOPY --from=y f f",
    );
    const [one, two] = [step(0, 0), step(1, 0)];
    end(graph.vertices.get(one)!.inputs[0]!);
    start(one);
    start(two);
    log(two, "from two\n");
    log(one, "from one\n");
    end(two);
    expect(text()).toEqual([
      "Step 1/6 : FROM a AS x",
      " ---> <id>",
      "Step 2/6 : RUN one",
      " ---> Running in <id>",
      "from one",
      "",
    ]);
    end(one);
    expect(text().slice(5)).toEqual([
      " ---> Removed intermediate container <id>",
      " ---> <id>",
      "Step 3/6 : FROM a AS y",
      " ---> <id>",
      "Step 4/6 : RUN two",
      " ---> Running in <id>",
      "from two",
      " ---> Removed intermediate container <id>",
      " ---> <id>",
      "Step 5/6 : FROM x",
      " ---> <id>",
      "Step 6/6 : COPY --from=y f f",
      "",
    ]);
  });

  test("quiet: the id, or all that was kept back where it fails", () => {
    const good = classic("FROM a\nRUN one", { quiet: true });
    good.progress.finish(IMAGE_ID, ["x:latest"]);
    expect(good.messages).toEqual([{ aux: { ID: IMAGE_ID } }, { stream: `${IMAGE_ID}\n` }]);
    const bad = classic("FROM a\nRUN one", { quiet: true });
    expect(bad.messages).toEqual([]);
    bad.progress.failed(new Error("no"));
    expect(bad.text()[0]).toBe("Step 1/2 : FROM a");
  });

  test("a command's failure has its exit code, others their place", () => {
    const { progress } = classic("FROM a\nRUN one");
    const failure = {
      fileName: "Dockerfile",
      fileText: "FROM a\nRUN one",
      lines: { start: 2, end: 2 },
      step: "[2/2] RUN one",
      logTail: "",
    };
    const cause = new ProcessFailed(["/bin/sh", "-c", "one"], 3);
    expect(progress.failed(new BuildFailed({ ...failure, cause }))).toMatchObject({
      exitCode: 3,
      message: "The command '/bin/sh -c one' returned a non-zero code: 3",
    });
    const other = progress.failed(new BuildFailed({ ...failure, cause: new Error("no room") }));
    expect(other.message).toBe(
      [
        "Dockerfile:2",
        "--------------------",
        "   1 |     FROM a",
        "   2 | >>> RUN one",
        "--------------------",
        "no room",
      ].join("\n"),
    );
  });
});

describe("vertexNames()", () => {
  test("BuildKit's words", () => {
    const plan = planText(
      "FROM a AS one\nENV X=1\nRUN make $X\nFROM b\nWORKDIR /w\nCOPY --from=one y z\nCOPY --link . .\nADD https://u:p@h/a /d/",
    );
    const graph = graphOf(plan);
    expect([...graph.vertices.values()].map(vertexNames(plan))).toEqual([
      "[one 1/2] FROM docker.io/library/a:latest",
      "[one 2/2] RUN make 1",
      "[stage-1 1/5] FROM docker.io/library/b:latest",
      "[stage-1 2/5] WORKDIR /w",
      "[stage-1 3/5] COPY --from=one y z",
      NOT_SHOWN,
      "[internal] load build context",
      "[stage-1 4/5] COPY --link . .",
      "[stage-1 4/5] LINK COPY --link . .",
      "https://xxxxx:xxxxx@h/a",
      "[stage-1 5/5] ADD https://xxxxx:xxxxx@h/a /d/",
    ]);
  });
});
