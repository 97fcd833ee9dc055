import type { PlannedStage } from "../dockerfile/index.ts";
import { type BuildGraph, stepKey } from "../graph/index.ts";
import type { DiffId, FoundImage, HistoryEntry } from "../ports.ts";
import type { Outcomes } from "../solve/scheduler.ts";

/** The files of a stage and how they came about. */
export interface StageLayers {
  readonly layers: readonly DiffId[];
  readonly history: readonly HistoryEntry[];
}

/** What marks BuildKit's entries in an image's history. */
const COMMENT = "buildkit.dockerfile.v0";

export interface HistoryOptions {
  /** Stages, each built on the one before it; the last is the target. */
  readonly chain: readonly PlannedStage[];
  /** The image that the first of them is built on. */
  readonly base: FoundImage | undefined;
  readonly graph: BuildGraph;
  readonly outcomes: Outcomes;
  /** Seconds since 1970; nothing in the image is younger. */
  readonly epoch: number | undefined;
}

type Entry = { -readonly [Key in keyof HistoryEntry]: HistoryEntry[Key] };

/** The history of an image as BuildKit writes it (`exporter/containerimage`, `normalizeLayersAndHistory`). */
export function imageHistory(options: HistoryOptions): StageLayers {
  const { chain, base, epoch } = options;
  const history: Entry[] = baseHistory(base);
  let layers: readonly DiffId[] = base?.layers ?? [];
  const first = chain[0]!;
  if (first.base.kind === "named" && base === undefined) {
    layers = firstLayers(first, options);
    for (const _layer of layers) history.push({ createdBy: `FROM ${first.base.name}`, comment: COMMENT });
  }
  for (const stage of chain) {
    for (const [index, step] of stage.steps.entries()) {
      const vertex = options.graph.steps.get(stepKey(stage.index, index));
      const outcome = vertex === undefined ? undefined : options.outcomes.get(vertex);
      const before = layers.length;
      if (outcome?.result.kind === "layers") layers = outcome.result.layers;
      if (step.history === undefined && layers.length === before) continue;
      const entry: Entry = { createdBy: step.history?.createdBy ?? step.title, comment: COMMENT };
      if (layers.length === before) history.push({ ...entry, emptyLayer: true });
      for (let layer = before; layer < layers.length; layer++) {
        history.push({ ...entry, created: timeOf(outcome?.createdMs) });
      }
    }
  }
  fillTimes(history);
  if (epoch !== undefined) clampTimes(history, epoch);
  return { layers, history };
}

/** A base's history has an entry for each of its layers, even where the base says nothing of them. */
function baseHistory(base: FoundImage | undefined): Entry[] {
  if (base === undefined) return [];
  const history = base.history.map((entry) => ({ ...entry }));
  const known = history.filter(({ emptyLayer }) => emptyLayer !== true).length;
  if (known > base.layers.length) return base.layers.map(() => ({ created: base.created }));
  for (let layer = known; layer < base.layers.length; layer++) history.push({ created: base.created });
  return history;
}

/** Of a stage that is built on files which are in no image. */
function firstLayers({ index, steps }: PlannedStage, { graph, outcomes }: HistoryOptions): readonly DiffId[] {
  const firstStep = steps.findIndex(({ kind }) => kind !== "config");
  const vertex = firstStep < 0 ? undefined : graph.steps.get(stepKey(index, firstStep));
  const files = vertex === undefined ? graph.stages.get(index) : graph.vertices.get(vertex)?.inputs[0];
  const result = files === undefined ? undefined : outcomes.get(files)?.result;
  return result?.kind === "layers" ? result.layers : [];
}

/** What made no layer gets the time of the first new layer, or of the layer before it. */
function fillTimes(history: Entry[]): void {
  let created: string | undefined;
  let sawNone = false;
  for (const entry of history) {
    if (entry.created === undefined) sawNone = true;
    else {
      created = entry.created;
      if (sawNone) break;
    }
  }
  sawNone = false;
  for (const entry of history) {
    if (entry.created === undefined) {
      sawNone = true;
      if (created !== undefined) entry.created = created;
    } else if (sawNone) created = entry.created;
  }
}

function clampTimes(history: Entry[], epoch: number): void {
  const latest = timeOf(epoch * 1000)!;
  for (const entry of history) {
    if (entry.created === undefined || Date.parse(entry.created) > epoch * 1000) entry.created = latest;
  }
}

/** As Go prints a time: no fraction where there is none. */
export function timeOf(milliseconds: number | undefined): string | undefined {
  if (milliseconds === undefined) return undefined;
  return new Date(milliseconds).toISOString().replace(".000Z", "Z");
}

/** The stages that one is built on, the first one first. */
export function stageChain(stages: readonly PlannedStage[], target: PlannedStage): readonly PlannedStage[] {
  const chain = [target];
  for (let base = target.base; base.kind === "stage"; base = chain[0]!.base) {
    const { stage: number } = base;
    chain.unshift(stages.find(({ index }) => index === number)!);
  }
  return chain;
}
