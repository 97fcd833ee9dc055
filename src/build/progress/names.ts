import { withoutCredentials } from "../credentials.ts";
import type { BuildPlan, PlannedStage } from "../dockerfile/index.ts";
import type { Origin, Vertex } from "../graph/index.ts";

/** The numbers that a stage's steps are shown with: those that leave files, the base being the first. */
interface StageNumbers {
  readonly stage: PlannedStage;
  readonly total: number;
  /** By the number of the step; -1 for the base. */
  readonly ofStep: ReadonlyMap<number, number>;
}

/** No files at all are no work, and no step of a build that anybody is told of; as in BuildKit. */
export const NOT_SHOWN = "";

/** What each vertex of a plan is called, in BuildKit's words: `[build 2/5] RUN make`. */
export function vertexNames(plan: BuildPlan): (vertex: Vertex) => string {
  const stages = new Map(plan.stages.map((stage) => [stage.index, numbersOf(stage)]));
  return (vertex) => nameOf(vertex, stages);
}

function numbersOf(stage: PlannedStage): StageNumbers {
  const ofStep = new Map<number, number>();
  let number = 0;
  if (stage.base.kind === "image" || stage.base.kind === "named") ofStep.set(-1, ++number);
  for (const [index, step] of stage.steps.entries()) {
    if (step.kind !== "config") ofStep.set(index, ++number);
  }
  return { stage, total: number, ofStep };
}

function nameOf({ operation, origins }: Vertex, stages: ReadonlyMap<number, StageNumbers>): string {
  const origin = origins[0]!;
  switch (operation.kind) {
    case "scratch":
      return NOT_SHOWN;
    case "context":
      return operation.name === ""
        ? "[internal] load build context"
        : `[context ${operation.name}] load from client`;
    case "http":
      return withoutCredentials(operation.url);
    case "git":
      return withoutCredentials(operation.reference.remote);
    case "file":
      return "preparing inline document";
    case "image":
      return imageName(operation.reference, origins, stages);
    case "merge":
      return prefixed(origin, stages, `LINK ${origin.title}`);
    default:
      return prefixed(origin, stages, origin.title);
  }
}

/** An image that a stage is built on is that stage's first step. */
function imageName(
  reference: string,
  origins: readonly Origin[],
  stages: ReadonlyMap<number, StageNumbers>,
): string {
  const base = origins.find(({ step }) => step === -1);
  if (base === undefined) return `FROM ${writtenReference(reference, origins[0]!, stages)}`;
  return prefixed(base, stages, `FROM ${writtenReference(reference, base, stages)}`);
}

/** The name beside the digest that it was found by. */
function writtenReference(
  reference: string,
  { stage }: Origin,
  stages: ReadonlyMap<number, StageNumbers>,
): string {
  const base = stages.get(stage)?.stage.base;
  if (base?.kind !== "image" || !reference.startsWith("sha256:")) return reference;
  return base.reference.includes("@") ? base.reference : `${base.reference}@${reference}`;
}

function prefixed(origin: Origin, stages: ReadonlyMap<number, StageNumbers>, title: string): string {
  const numbers = stages.get(origin.stage);
  const number = numbers?.ofStep.get(origin.step);
  const words = [numbers?.stage.title].filter(Boolean);
  if (numbers !== undefined && number !== undefined) words.push(`${number}/${numbers.total}`);
  return `[${words.join(" ")}] ${title}`;
}
