import { type Digest, digestOf, invalidParameter } from "../../lib/index.ts";
import type { BuilderOptions } from "../builder.ts";
import type { BuildOutput, BuildRequest, BuildResult } from "../builder-contract.ts";
import type { Definition } from "../definition.ts";
import type { BuildPlan, PlannedStage } from "../dockerfile/index.ts";
import type { BuildGraph } from "../graph/index.ts";
import { internalStep } from "../internal-step.ts";
import type { BuildFacts, DiffId, FoundImage, NewImage } from "../ports.ts";
import type { Report } from "../progress/events.ts";
import { withoutCredentials } from "../progress/names.ts";
import type { Lease } from "../solve/lease.ts";
import type { Outcomes } from "../solve/scheduler.ts";
import type { VertexProgress } from "../solve/vertex-progress.ts";
import { imageHistory, stageChain } from "./history.ts";
import { inlineCache } from "./inline-cache.ts";
import { provenanceStatement, tellableArguments } from "./provenance.ts";
import { squash } from "./squash.ts";
import { treeArchive } from "./tree-archive.ts";

/** The work of a build that is done, before it is made into anything. */
export interface BuiltStages {
  readonly plan: BuildPlan;
  readonly graph: BuildGraph;
  readonly outcomes: Outcomes;
  /** By `imageKey()`. */
  readonly images: ReadonlyMap<string, FoundImage>;
  readonly contextImages: ReadonlyMap<string, FoundImage>;
  readonly contextDigest: Digest | undefined;
}

export interface OutputOptions {
  readonly builder: Pick<BuilderOptions, "images" | "layers" | "platform" | "builderId" | "provenance">;
  readonly request: BuildRequest;
  readonly built: BuiltStages;
  /** Full names. */
  readonly names: readonly string[];
  readonly definition: Definition;
  readonly contextOrigin: string | undefined;
  readonly invocationId: string;
  readonly startedMs: number;
  readonly lease: Lease;
  readonly report: Report;
  readonly signal: AbortSignal;
}

/** Makes of a build what was asked for: an image, an archive, the files themselves, or nothing. */
export async function produceOutput(options: OutputOptions): Promise<Omit<BuildResult, "warnings">> {
  const { output } = options.request;
  const target = options.built.plan.target;
  if (target === undefined) throw invalidParameter("there is nothing to build");
  switch (output.kind) {
    case "none":
      return resultOf(options, undefined);
    case "tar":
      return await writeTree(options, output);
    case "archive":
      return await writeArchive(options, target, output);
    case "image": {
      const imageId = await recordImage(options, target, options.names);
      if (output.push) await push(options);
      return resultOf(options, imageId);
    }
  }
}

async function writeTree(
  options: OutputOptions,
  { write }: Extract<BuildOutput, { kind: "tar" }>,
): Promise<Omit<BuildResult, "warnings">> {
  const { builder, report, signal } = options;
  const layers = layersOfTarget(options.built);
  await internalStep("sending tarball", report, async () => {
    await write(treeArchive(builder.layers, layers, signal));
  });
  return resultOf(options, undefined);
}

async function writeArchive(
  options: OutputOptions,
  target: PlannedStage,
  { write, format }: Extract<BuildOutput, { kind: "archive" }>,
): Promise<Omit<BuildResult, "warnings">> {
  return await internalStep(`exporting to ${format} image format`, options.report, async () => {
    const { how: _how, ...image } = await newImage(options, target, options.names);
    const { id: imageId, bytes } = options.builder.images.archive(image);
    await write(bytes);
    return resultOf(options, imageId);
  });
}

async function recordImage(
  options: OutputOptions,
  target: PlannedStage,
  names: readonly string[],
): Promise<Digest> {
  const { builder, report } = options;
  return await internalStep("exporting to image", report, async (progress) => {
    told(progress, "exporting layers");
    const image = await newImage(options, target, names);
    const id = await builder.images.record(image);
    told(progress, `writing image ${id}`);
    for (const name of names) told(progress, `naming to ${name}`);
    return id;
  });
}

/** A part of the work that is shown by its end. */
function told({ progress }: VertexProgress, part: string): void {
  progress(part, 0, 0);
}

async function newImage(
  options: OutputOptions,
  target: PlannedStage,
  names: readonly string[],
): Promise<NewImage> {
  const { builder, built, request } = options;
  const { plan, graph, outcomes } = built;
  const chain = stageChain(plan.stages, target);
  const base = baseImage(built, chain[0]!);
  const epoch = request.sourceDateEpoch;
  const assembled = imageHistory({ chain, base, graph, outcomes, epoch });
  const { layers, history } = request.squash
    ? await squash(builder.layers, base, assembled, options)
    : assembled;
  const cache = request.inlineCache ? inlineCache(outcomes, layers) : undefined;
  return {
    created: history.findLast(({ created }) => created !== undefined)?.created,
    author: target.author,
    platform: target.platform,
    config: target.config,
    layers,
    history,
    names,
    parent: undefined,
    inlineCache: cache,
    how: (id) => factsOf(options, target, id),
  };
}

/** The image that a stage is built on; undefined where it is built on nothing, or on files. */
function baseImage({ images, contextImages }: BuiltStages, { base }: PlannedStage): FoundImage | undefined {
  if (base.kind === "named") return contextImages.get(base.name);
  if (base.kind !== "image") return undefined;
  for (const [key, image] of images) if (key.startsWith(`${base.reference} `)) return image;
  return undefined;
}

function layersOfTarget({ graph, outcomes }: BuiltStages): readonly DiffId[] {
  const result = graph.target === undefined ? undefined : outcomes.get(graph.target)?.result;
  return result?.kind === "layers" ? result.layers : [];
}

function factsOf(options: OutputOptions, target: PlannedStage, imageId: Digest): BuildFacts {
  const { built, builder, definition, request, contextOrigin, invocationId, startedMs, names } = options;
  const dockerfile = digestOf(definition.text);
  const buildArgs = tellableArguments(request.buildArgs);
  const bases = basesOf(built, request);
  const facts = { dockerfile, context: built.contextDigest, arguments: buildArgs, bases };
  if (!request.provenance) return { ...facts, provenance: undefined };
  const statement = provenanceStatement({
    imageId,
    names,
    platform: target.platform,
    builderId: builder.builderId,
    invocationId,
    dockerfile: { fileName: definition.fileName, digest: dockerfile },
    contextOrigin: contextOrigin === undefined ? undefined : withoutCredentials(contextOrigin),
    target: request.target,
    buildArgs,
    labels: request.labels,
    bases,
    startedMs,
    finishedMs: Date.now(),
  });
  return { ...facts, provenance: builder.provenance.add(imageId, statement) };
}

/** All images that the build began with or took files from. */
function basesOf({ images, contextImages }: BuiltStages, { contexts }: BuildRequest): BuildFacts["bases"] {
  const named = [...contextImages].map(([name, image]) => {
    const source = contexts.get(name);
    const reference = source?.kind === "image" ? source.reference.replace(/^docker-image:\/\//, "") : name;
    return [reference, image] as const;
  });
  const found = [...images].map(([key, image]) => [key.slice(0, key.lastIndexOf(" ")), image] as const);
  return [...found, ...named].map(([reference, image]) => ({
    reference,
    digest: image.manifestDigest ?? image.id,
  }));
}

async function push({ builder, request, names, report, signal }: OutputOptions): Promise<void> {
  if (names.length === 0) throw invalidParameter("tag is needed when pushing to registry");
  for (const name of names) {
    await internalStep(`pushing ${name}`, report, ({ progress }) =>
      builder.images.push(name, request.services.credentials, progress, signal),
    );
  }
}

/** Metadata are found out where somebody wants them. */
function resultOf(options: OutputOptions, imageId: Digest | undefined): Omit<BuildResult, "warnings"> {
  return {
    imageId,
    get metadata() {
      return metadataOf(options, imageId);
    },
  };
}

/** `--metadata-file`. */
function metadataOf(
  { names, invocationId, builder, request }: OutputOptions,
  imageId: Digest | undefined,
): Readonly<Record<string, unknown>> {
  const isRecorded = request.output.kind === "image" && request.provenance;
  const [statement] = imageId === undefined || !isRecorded ? [] : builder.provenance.find(imageId);
  return {
    "buildx.build.ref": `berth/berth/${invocationId}`,
    ...(imageId === undefined
      ? {}
      : { "containerimage.config.digest": imageId, "containerimage.digest": imageId }),
    ...(statement === undefined
      ? {}
      : { "buildx.build.provenance": (JSON.parse(statement) as { predicate: unknown }).predicate }),
    ...(names.length === 0 || imageId === undefined ? {} : { "image.name": names.join(",") }),
  };
}
