import { didYouMean, expandWord, type Instruction, type RunInstruction } from "../../lib/dockerfile/index.ts";
import { invalidParameter } from "../../lib/index.ts";
import { placedError } from "./errors.ts";
import type { ResolvedStage, Resolver } from "./resolve.ts";
import type { Source } from "./step.ts";

/** An instruction and the stages and images that it takes files from: of a `RUN`, one for each of its mounts. */
export interface LinkedInstruction {
  readonly instruction: Instruction;
  readonly sources: readonly Source[];
  readonly onBuild: boolean;
}

/** A stage whose base and sources are known by number or name. */
export interface LinkedStage extends ResolvedStage {
  readonly instructions: readonly LinkedInstruction[];
}

const NO_VARIABLES: ReadonlyMap<string, string> = new Map();

/**
 * Finds out what an instruction takes files from (BuildKit's `toCommand` and `detectRunMount`).
 * @throws DockerfileError
 */
export function linkInstruction(
  instruction: Instruction,
  resolver: Resolver,
  onBuild = false,
): LinkedInstruction {
  if (instruction.name === "COPY" && instruction.from !== "") {
    return { instruction, onBuild, sources: [copySource(instruction, resolver)] };
  }
  if (instruction.name === "RUN")
    return { instruction, onBuild, sources: mountSources(instruction, resolver) };
  return { instruction, onBuild, sources: [] };
}

function copySource({ from, source }: Extract<Instruction, { name: "COPY" }>, resolver: Resolver): Source {
  if (expandWord(from, NO_VARIABLES).text !== from) {
    throw placedError(
      source,
      "variable expansion is not supported for --from, define a new stage with FROM using ARG from global scope as a workaround",
    );
  }
  if (!/^[+-]?\d+$/.test(from)) return resolver.stageNamed(from) ?? resolver.sourceOf(from, source);
  const stage = Number(from);
  if (stage < 0 || stage >= resolver.stages.length) {
    throw placedError(source, `invalid stage index ${from}`);
  }
  return { kind: "stage", stage };
}

function mountSources({ mounts, source }: RunInstruction, resolver: Resolver): Source[] {
  return mounts.map(({ from }) =>
    from === "" ? { kind: "context" } : (resolver.stageNamed(from) ?? resolver.sourceOf(from, source)),
  );
}

/** The stages that a stage needs directly: its base's, and those that files come from. */
export function needsOf(stage: LinkedStage): number[] {
  return [stage.base, ...stage.instructions.flatMap(({ sources }) => sources)].flatMap((source) =>
    source.kind === "stage" ? [source.stage] : [],
  );
}

/** All stages that some are built from, those themselves among them. */
export function reachable(stages: readonly LinkedStage[], from: Iterable<number>): Set<number> {
  const found = new Set(from);
  for (const number of found) for (const need of needsOf(stages[number]!)) found.add(need);
  return found;
}

/** @throws DockerfileError where a stage needs itself, by whatever way. */
export function refuseCycles(stages: readonly LinkedStage[]): void {
  const done = new Set<number>();
  for (const [start] of stages.entries()) {
    const path: { stage: number; needs: number[] }[] = [{ stage: start, needs: needsOf(stages[start]!) }];
    const onPath = new Set([start]);
    while (path.length > 0) {
      const { stage, needs } = path.at(-1)!;
      const next = done.has(stage) ? undefined : needs.pop();
      if (next === undefined) {
        done.add(stage);
        onPath.delete(stage);
        path.pop();
      } else if (onPath.has(next)) throw cycleError(stages, stage, next);
      else if (!done.has(next)) {
        path.push({ stage: next, needs: needsOf(stages[next]!) });
        onPath.add(next);
      }
    }
  }
}

function cycleError(stages: readonly LinkedStage[], stage: number, next: number): Error {
  const linked = stages[stage]!;
  const culprit = linked.instructions.find(({ sources }) =>
    sources.some((source) => source.kind === "stage" && source.stage === next),
  );
  const { source } = culprit?.instruction ?? linked.from;
  return placedError(source, `circular dependency detected on stage: ${stages[next]!.title}`);
}

/**
 * The number of the stage that is built: the last one, or the one of a name.
 * @throws InvalidParameter
 */
export function targetStage(stages: readonly ResolvedStage[], target: string): number {
  if (target === "") return stages.length - 1;
  const wanted = target.toLowerCase();
  const found = stages.findLastIndex(({ from }) => from.stage === wanted);
  if (found >= 0) return found;
  const names = stages.map(({ from }) => from.stage).filter((name) => name !== "");
  throw invalidParameter(
    `target stage ${JSON.stringify(target)} could not be found${didYouMean(target, names)}`,
  );
}
