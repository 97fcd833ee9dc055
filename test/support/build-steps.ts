import { expect } from "bun:test";
import type { CommandOptions, CommandResult, TestEngine } from "./engine.ts";

/** What became of a step: `hit`, it came from the cache; `miss`, it was done. */
export type StepFate = "hit" | "miss";

/** Builds with our client and gives all that was shown; a failure fails the test. */
export async function berthBuild(
  engine: TestEngine,
  args: readonly string[],
  options?: CommandOptions,
): Promise<CommandResult> {
  const result = await engine.berth(["build", "--progress", "plain", ...args], options);
  expect(result, args.join(" ")).toMatchObject({ code: 0 });
  return result;
}

/** The steps of a build in plain progress, by the instruction as it is shown, in order of stage and number; without `FROM`. */
export function stepsOf(shown: string): { readonly step: string; readonly fate: StepFate }[] {
  const names = new Map<string, string>();
  const cached = new Set<string>();
  for (const line of shown.split("\n")) {
    const [, number = "", rest = ""] = /^#(\d+) (.*)$/.exec(line) ?? [];
    if (/^\[(?:\S+ +)?\d+\/\d+\] /.test(rest)) names.set(number, rest);
    if (rest === "CACHED") cached.add(number);
  }
  return [...names]
    .map(([number, name]) => {
      const [, stage = "", position = "", step = ""] = /^\[(?:(\S+) +)?(\d+)\/\d+\] (.*)$/.exec(name)!;
      return { stage, position: Number(position), step, fate: cached.has(number) ? "hit" : "miss" } as const;
    })
    .filter(({ step }) => !/^FROM /.test(step))
    .sort((one, other) => one.stage.localeCompare(other.stage) || one.position - other.position)
    .map(({ step, fate }) => ({ step, fate }));
}

/** `COPY:hit RUN:miss` */
export function fatesOf(shown: string): string {
  return stepsOf(shown)
    .map(({ step, fate }) => `${step.split(" ")[0]}:${fate}`)
    .join(" ");
}
