import { expect, test } from "bun:test";
import { ClassicSteps } from "./classic-steps.ts";

test("the text of the classic builder becomes steps that begin, print and end", () => {
  const steps = new ClassicSteps();
  const take = (stream: string, failure?: string) => {
    const { vertexes, logs } = steps.take({ stream }, failure);
    return {
      steps: vertexes.map(({ name, cached, completed, error }) => [
        name,
        cached,
        completed !== undefined,
        error,
      ]),
      logs: logs.map(({ bytes }) => new TextDecoder().decode(bytes)),
    };
  };
  expect(take("Step 1/2 : FROM x\n").steps).toEqual([["[1/2] FROM x", false, false, ""]]);
  expect(take(" ---> Using cache\n").steps).toEqual([["[1/2] FROM x", true, false, ""]]);
  expect(take("\n")).toEqual({ steps: [], logs: [] });
  expect(take("Step 2/2 : RUN a").steps).toEqual([
    ["[1/2] FROM x", true, true, ""],
    ["[2/2] RUN a", false, false, ""],
  ]);
  expect(take("hello\n")).toEqual({ steps: [], logs: ["hello\n"] });
  expect(take("", "it broke").steps).toEqual([["[2/2] RUN a", false, true, "it broke"]]);
});
