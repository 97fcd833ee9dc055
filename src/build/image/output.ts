import { type Digest, digestOf, invalidParameter, log, messageOf } from "../../lib/index.ts";
import type { BuilderOptions } from "../builder.ts";
import type { BuildOutput, BuildRequest, BuildResult, CacheExport } from "../builder-contract.ts";
import { withoutCredentials } from "../credentials.ts";
import type { Definition } from "../definition.ts";
import type { BuildPlan, PlannedStage } from "../dockerfile/index.ts";
import type { BuildGraph } from "../graph/index.ts";
import { internalStep } from "../internal-step.ts";
import { listPackages, type PackageList } from "../packages/list-packages.ts";
import type { BuildFacts, DiffId, FoundImage, HistoryEntry, NewImage } from "../ports.ts";
import type { Report } from "../progress/events.ts";
import type { Lease } from "../solve/lease.ts";
import type { Outcomes } from "../solve/scheduler.ts";
import type { VertexProgress } from "../solve/vertex-progress.ts";
import { cacheImage } from "./cache-image.ts";
import { imageHistory, stageChain, timeOf } from "./history.ts";
import { inlineCache } from "./inline-cache.ts";
import { provenanceStatement, tellableArguments } from "./provenance.ts";
import { sbomStatement } from "./sbom.ts";
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
  readonly builder: Pick<
    BuilderOptions,
    "images" | "layers" | "platform" | "builderId" | "provenance" | "cache"
  >;
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

type Produced = Omit<BuildResult, "warnings" | "answer">;

/** Makes of a build what was asked for: images, archives, the files themselves, or nothing. */
export async function produceOutputs(options: OutputOptions): Promise<Produced> {
  const target = options.built.plan.target;
  if (target === undefined) throw invalidParameter("there is nothing to build");
  let whole: Produced | undefined;
  for (const output of options.request.outputs) {
    const made = await produceOutput(options, target, output);
    // What is told of the build is told of an image, where one is made.
    if (whole?.imageId === undefined) whole = made;
  }
  for (const wanted of options.request.cacheTo) await exportCache(options, wanted);
  return whole ?? resultOf(options, undefined);
}

async function exportCache(options: OutputOptions, wanted: CacheExport): Promise<void> {
  const { builder, built, request, report, signal } = options;
  const { images } = builder;
  const name = wanted.kind === "registry" ? images.fullName(wanted.name) : undefined;
  const place = name === undefined ? "client directory" : `registry ${name}`;
  try {
    await internalStep(`exporting cache to ${place}`, report, async ({ progress }) => {
      const image = cacheImage(built, wanted.mode, name === undefined ? [] : [name]);
      if (wanted.kind === "archive") {
        const { how: _how, ...rest } = image;
        await wanted.write(images.archive(rest).bytes);
      } else {
        await images.record(image);
        await images.push(name!, request.services.credentials, progress, signal);
      }
    });
  } catch (error) {
    signal.throwIfAborted();
    if (!wanted.ignoreError) throw error;
    log.info("cannot export a build cache", { place, error: messageOf(error) });
  }
}

async function produceOutput(
  options: OutputOptions,
  target: PlannedStage,
  output: BuildOutput,
): Promise<Produced> {
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
): Promise<Produced> {
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
): Promise<Produced> {
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
  const created =
    history.findLast((entry) => entry.created !== undefined)?.created ??
    base?.created ??
    timeOf(await firstBuiltMs(options, target, history));
  const found = request.sbom && layers.length > 0 ? await packagesOf(options, layers) : undefined;
  const cache = request.inlineCache ? inlineCache(outcomes, layers) : undefined;
  return {
    created,
    author: target.author,
    platform: target.platform,
    config: target.config,
    layers,
    history: history.map((entry) => (entry.created === undefined ? { ...entry, created } : entry)),
    names,
    parent: undefined,
    inlineCache: cache,
    how: (id) => {
      if (found !== undefined) {
        const { names: subjects, startedMs } = options;
        const createdMs = epoch === undefined ? startedMs : epoch * 1000;
        builder.provenance.add(id, sbomStatement({ imageId: id, names: subjects, found, createdMs }));
      }
      return factsOf(options, target, id);
    },
  };
}

async function packagesOf(
  { builder, report, signal }: OutputOptions,
  layers: readonly DiffId[],
): Promise<PackageList> {
  return await internalStep("listing packages", report, async () => {
    using view = await builder.layers.view(layers);
    return await listPackages(view, signal);
  });
}

/**
 * An image of which no part has a time, as one that is nothing but a configuration, is as old as the first build of one like it: so
 * the next build's is the same image.
 */
async function firstBuiltMs(
  { builder: { cache }, request }: OutputOptions,
  { config, author, platform }: PlannedStage,
  history: readonly HistoryEntry[],
): Promise<number> {
  const key = digestOf(JSON.stringify(["image/1", config, author, platform, history]));
  using known = request.noCache === true ? undefined : await cache.records.find(key);
  if (known !== undefined) return known.record.createdMs;
  const nothing = { layers: [], newLayers: [], parents: [] };
  const description = "image of a configuration alone";
  return cache.records.add({ key, ...nothing, type: "internal", description, createdMs: Date.now() })
    .createdMs;
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
function resultOf(options: OutputOptions, imageId: Digest | undefined): Produced {
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
  const isRecorded = request.outputs.some(({ kind }) => kind === "image") && request.provenance;
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
