import { DockerfileError } from "../lib/dockerfile/index.ts";
import {
  type Digest,
  digestOf,
  invalidParameter,
  log,
  messageOf,
  newId,
  notFound,
  notImplemented,
} from "../lib/index.ts";
import { BuildContexts } from "./build-contexts.ts";
import { BuildFailed } from "./build-failed.ts";
import type { BuilderOptions } from "./builder.ts";
import type { BuildCall, BuildRequest, BuildResult, ContextSource } from "./builder-contract.ts";
import { type Definition, loadDefinition } from "./definition.ts";
import { describeWarnings } from "./describe/lint.ts";
import { describeOutline } from "./describe/outline.ts";
import { describeTargets } from "./describe/targets.ts";
import {
  type BuildPlan,
  formatPlatform,
  imageKey,
  type Platform,
  parsePlatform,
  readDockerfile,
} from "./dockerfile/index.ts";
import { findImage } from "./find-images.ts";
import type { BuildGraph, Vertex } from "./graph/index.ts";
import { importedResults } from "./image/inline-cache.ts";
import { type BuiltStages, produceOutputs } from "./image/output.ts";
import { internalStep } from "./internal-step.ts";
import { LogTails } from "./log-tails.ts";
import { type Planned, planRun } from "./plan-run.ts";
import { digestOfImage, type FoundImage } from "./ports.ts";
import type { Report } from "./progress/events.ts";
import { vertexNames } from "./progress/names.ts";
import type { BuildScope } from "./solve/contract.ts";
import type { Lease } from "./solve/lease.ts";
import type { ImportedResults, Outcomes } from "./solve/scheduler.ts";
import { WorkDirectory } from "./work-directory.ts";

/** What a build runs with. */
export interface RunSurroundings {
  readonly lease: Lease;
  readonly report: Report;
  readonly signal: AbortSignal;
}

/** One build, from its request to its output. */
export class BuildRun {
  readonly #builder: BuilderOptions;
  readonly #request: BuildRequest;
  readonly #lease: Lease;
  readonly #signal: AbortSignal;
  readonly #tails = new LogTails();
  readonly #report: Report;
  readonly #startedMs = Date.now();
  readonly #id = newId().slice(0, 24);

  constructor(builder: BuilderOptions, request: BuildRequest, { lease, report, signal }: RunSurroundings) {
    this.#builder = builder;
    this.#request = withHostname(withEpoch(request));
    this.#lease = lease;
    this.#signal = signal;
    this.#report = this.#tails.listen(report);
  }

  async run(): Promise<BuildResult> {
    const names = this.#request.tags.map((tag) => this.#nameOf(tag));
    // Before anything is built for it.
    for (const wanted of this.#request.cacheTo) if (wanted.kind === "registry") this.#nameOf(wanted.name);
    const platform = this.#platform();
    const directory = new WorkDirectory(this.#builder, this.#id, this.#lease);
    const definition = await loadDefinition({
      request: this.#request,
      contexts: this.#builder.contexts,
      lease: this.#lease,
      directory,
      report: this.#report,
      signal: this.#signal,
    });
    if (this.#request.call === "targets") {
      const answer = await this.#placed(definition, async () =>
        describeTargets(readDockerfile(definition.text), definition.text),
      );
      return { imageId: undefined, metadata: {}, warnings: 0, answer };
    }
    const contexts = new BuildContexts({
      request: this.#request,
      contexts: this.#builder.contexts,
      sourceTree: this.#builder.sourceTree,
      definition,
      lease: this.#lease,
      directory,
    });
    const planned = await this.#placed(definition, () => this.#plan(definition, platform));
    const warnings = this.#warn(definition, planned.plan);
    const { call } = this.#request;
    if (call !== "build") {
      const answer = describe(call, definition, planned);
      return { imageId: undefined, metadata: {}, warnings, answer };
    }
    if (planned.plan.violation !== undefined) throw invalidParameter(planned.plan.violation);
    contexts.planned(planned.graph);
    const imported = await this.#imported(platform);
    const outcomes = await this.#solve(
      definition,
      planned,
      this.#scope(planned, contexts, directory),
      imported,
    );
    const made = await produceOutputs({
      builder: this.#builder,
      request: this.#request,
      built: builtStages(planned, outcomes),
      names,
      definition,
      contextOrigin: contexts.origins.get(""),
      invocationId: this.#id,
      startedMs: this.#startedMs,
      lease: this.#lease,
      report: this.#report,
      signal: this.#signal,
    });
    return {
      imageId: made.imageId,
      get metadata() {
        return made.metadata;
      },
      warnings,
    };
  }

  #nameOf(tag: string): string {
    const name = this.#builder.images.fullName(tag);
    // A full name has its registry in front; an image's id has none.
    if (!name.includes("/")) throw invalidParameter(`invalid reference format: ${tag} is an image's id`);
    if (name.includes("@")) throw invalidParameter("refusing to create a tag with a digest reference");
    return name;
  }

  /** For now that of this machine. */
  #platform(): Platform {
    const { platform: machine } = this.#builder;
    const wanted = new Map(
      this.#request.platforms.map((text) => {
        const platform = parsePlatform(text, machine);
        return [formatPlatform(platform), platform];
      }),
    );
    if (wanted.size > 1) throw notImplemented("berth builds for one platform at a time");
    const [platform = machine] = wanted.values();
    if (platform.os !== machine.os || platform.architecture !== machine.architecture) {
      throw notImplemented(
        `berth builds for ${formatPlatform(machine)}, the platform of this machine, and not for ${formatPlatform(platform)}`,
      );
    }
    return platform;
  }

  async #plan(definition: Definition, platform: Platform): Promise<Planned> {
    const planned = await planRun(definition, {
      ...this.#findOptions(),
      builder: this.#builder,
      platform,
      contextImages: await this.#contextImages(platform),
    });
    const { plan, graph, dockerfile } = planned;
    this.#request.onPlan?.({ plan, graph, dockerfile, nameOf: vertexNames(plan) });
    return planned;
  }

  #findOptions() {
    const { images } = this.#builder;
    return {
      images,
      request: this.#request,
      lease: this.#lease,
      report: this.#report,
      signal: this.#signal,
    };
  }

  /** `--build-context name=docker-image://…` */
  async #contextImages(platform: Platform): Promise<Map<string, FoundImage>> {
    const named = [...this.#request.contexts].filter(
      (entry): entry is [string, Extract<ContextSource, { kind: "image" }>] => entry[1].kind === "image",
    );
    const found = await Promise.allSettled(
      named.map(([, { reference }]) => this.#contextImage(reference, platform)),
    );
    return new Map(
      found.map((outcome, index) => {
        if (outcome.status === "rejected") throw outcome.reason;
        return [named[index]![0], outcome.value];
      }),
    );
  }

  async #contextImage(reference: string, platform: Platform): Promise<FoundImage> {
    if (reference.startsWith("oci-layout:")) {
      throw notImplemented("contexts from OCI layouts are not supported yet: load the image, and name it");
    }
    const name = reference.replace(/^docker-image:\/\//, "");
    return await findImage(this.#builder.images.fullName(name), platform, this.#findOptions());
  }

  /** `--cache-from`. An image that can not be had is no reason to fail. */
  async #imported(platform: Platform): Promise<ImportedResults | undefined> {
    const { cacheFrom } = this.#request;
    if (cacheFrom.length === 0) return undefined;
    const found = await Promise.all(
      cacheFrom.map((reference) =>
        internalStep(`importing cache manifest from ${reference}`, this.#report, async ({ progress }) =>
          this.#lease.use(
            await this.#builder.images.find(this.#builder.images.fullName(reference), {
              platform,
              pull: false,
              credentials: this.#request.services.credentials,
              report: progress,
              signal: this.#signal,
            }),
          ),
        ).catch((error: unknown) => {
          this.#signal.throwIfAborted();
          log.info("cannot import a build cache", { reference, error: messageOf(error) });
          return undefined;
        }),
      ),
    );
    return importedResults(found.filter((image) => image !== undefined));
  }

  #warn({ fileName, text }: Definition, { warnings }: BuildPlan): number {
    for (const { rule, description, url, message, lines } of warnings) {
      this.#report({
        kind: "warning",
        vertex: undefined,
        warning: {
          level: 1,
          short: `${rule}: ${message} (line ${lines.start})`,
          detail: [description],
          url,
          fileName,
          fileText: text,
          lines,
        },
      });
    }
    return warnings.length;
  }

  #scope(
    { plan, graph, images, contextImages }: Planned,
    contexts: BuildContexts,
    directory: WorkDirectory,
  ): BuildScope {
    const found = new Map(images);
    for (const [key, image] of images) {
      // The platform that was asked for, whatever the image says of itself.
      found.set(`${digestOfImage(image)} ${key.slice(key.lastIndexOf(" ") + 1)}`, image);
    }
    for (const image of contextImages.values()) {
      found.set(imageKey({ reference: digestOfImage(image), platform: image.platform }), image);
    }
    return {
      layers: this.#builder.layers,
      services: this.#request.services,
      epoch: this.#request.sourceDateEpoch,
      get directory() {
        return directory.path;
      },
      openContext: (name, signal) => contexts.open(name, signal, this.#contextProgress(graph, name)),
      foundImage: (reference, platform) => {
        const image = found.get(`${reference} ${platform}`);
        if (image === undefined) throw notFound(`No such image: ${reference}`);
        return image;
      },
      run: { ...this.#request.run, proxies: plan.proxies },
    };
  }

  /** A context's transfer is told as part of its vertex. */
  #contextProgress(graph: BuildGraph, name: string): (part: string, current: number, total?: number) => void {
    const vertex = [...graph.vertices.values()].find(
      ({ operation }) => operation.kind === "context" && operation.name === name,
    );
    const started = Date.now();
    return (part, current, total) => {
      if (vertex === undefined) return;
      const time = Date.now();
      const completed = total !== undefined && current >= total ? time : undefined;
      const status = {
        id: part,
        vertex: vertex.digest,
        name: part,
        current,
        total,
        started,
        completed,
        time,
      };
      this.#report({ kind: "status", status });
    };
  }

  async #solve(
    definition: Definition,
    { plan, graph }: Planned,
    scope: BuildScope,
    imported: ImportedResults | undefined,
  ): Promise<Outcomes> {
    const nameOf = vertexNames(plan);
    let failed: { vertex: Vertex; error: unknown } | undefined;
    try {
      return await this.#builder.scheduler.solve({
        graph,
        targets: graph.target === undefined ? [] : [graph.target],
        scope,
        lease: this.#lease,
        nameOf,
        report: this.#report,
        signal: this.#signal,
        imported,
        onFailure: (vertex, error) => {
          failed ??= { vertex, error };
        },
      });
    } catch (error) {
      if (failed === undefined || failed.error !== error) throw error;
      throw new BuildFailed({
        cause: error,
        fileName: definition.fileName,
        fileText: definition.text,
        lines: failed.vertex.origins.find(({ lines }) => lines !== undefined)?.lines,
        step: nameOf(failed.vertex),
        logTail: this.#tails.of(failed.vertex.digest),
      });
    }
  }

  /** Errors of the Dockerfile's language get the file that they are about. */
  async #placed<T>({ fileName, text }: Definition, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof DockerfileError)) throw error;
      const { lines } = error;
      throw new BuildFailed({
        cause: error,
        fileName,
        fileText: text,
        lines,
        step: undefined,
        logTail: "",
      });
    }
  }
}

/** BuildKit's argument for what the steps see as their host's name. */
function withHostname(request: BuildRequest): BuildRequest {
  const hostname = request.buildArgs.get("BUILDKIT_SANDBOX_HOSTNAME") ?? "";
  if (hostname === "" || request.run.hostname !== undefined) return request;
  if (!/^[A-Za-z0-9][A-Za-z0-9.-]{0,62}$/.test(hostname))
    throw invalidParameter(`invalid BUILDKIT_SANDBOX_HOSTNAME: ${hostname.slice(0, 70)}`);
  return { ...request, run: { ...request.run, hostname } };
}

/** `SOURCE_DATE_EPOCH` comes as an argument or as a setting, and is both. */
function withEpoch(request: BuildRequest): BuildRequest {
  const { buildArgs, sourceDateEpoch } = request;
  const written = buildArgs.get("SOURCE_DATE_EPOCH");
  const inlineCache = request.inlineCache || buildArgs.get("BUILDKIT_INLINE_CACHE") === "1";
  if (sourceDateEpoch !== undefined) {
    const args = new Map(buildArgs);
    if (written === undefined) args.set("SOURCE_DATE_EPOCH", String(sourceDateEpoch));
    return { ...request, buildArgs: args, inlineCache };
  }
  if (written === undefined || written === "") return { ...request, inlineCache };
  if (!/^\d{1,11}$/.test(written))
    throw invalidParameter(`invalid SOURCE_DATE_EPOCH: ${written.slice(0, 50)}`);
  return { ...request, sourceDateEpoch: Number(written), inlineCache };
}

function describe(call: BuildCall, definition: Definition, { plan, dockerfile }: Planned): unknown {
  return call === "outline"
    ? describeOutline(plan, dockerfile, definition.text)
    : describeWarnings(plan.warnings, definition);
}

function builtStages({ plan, graph, images, contextImages }: Planned, outcomes: Outcomes): BuiltStages {
  return { plan, graph, outcomes, images, contextImages, contextDigest: contextDigest(graph, outcomes) };
}

/** Of the keys of all steps that took files of the build context. */
function contextDigest(graph: BuildGraph, outcomes: Outcomes): Digest | undefined {
  const isContext = (input: Digest) => graph.vertices.get(input)?.operation.kind === "context";
  const keys = [...graph.vertices.values()]
    .filter(({ inputs }) => inputs.some(isContext))
    .flatMap(({ digest }) => outcomes.get(digest)?.key ?? []);
  return keys.length === 0 ? undefined : digestOf(keys.sort().join("\n"));
}
