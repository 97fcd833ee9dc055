import type { LineRange } from "../../lib/dockerfile/index.ts";
import { type Digest, digestOf } from "../../lib/index.ts";
import {
  type BuildPlan,
  type CopyItem,
  type CopyStep,
  formatPlatform,
  imageKey,
  type PlannedStage,
  type Platform,
  type RunStep,
  type Source,
  type Step,
  type StepMount,
} from "../dockerfile/index.ts";
import type { Operation, OperationItem, OperationMount } from "./operation.ts";

/** Where a vertex is written: a stage's base, or one of its steps. */
export interface Origin {
  readonly stage: number;
  /** -1 for the stage's base. */
  readonly step: number;
  readonly title: string;
  readonly lines: LineRange | undefined;
}

/** One piece of work. */
export interface Vertex {
  /** Of the operation and of its inputs' digests: equal work has one digest, in all builds. */
  readonly digest: Digest;
  readonly operation: Operation;
  readonly inputs: readonly Digest[];
  /** All the places that ask for it. */
  readonly origins: readonly Origin[];
  /** Somebody asked for it to be done again. */
  readonly noCache: boolean;
}

/** What is to be done for a plan. */
export interface BuildGraph {
  /** Each after its inputs. */
  readonly vertices: ReadonlyMap<Digest, Vertex>;
  /** The files of each stage, by its number. */
  readonly stages: ReadonlyMap<number, Digest>;
  /** The files of the target; undefined while the plan has none. */
  readonly target: Digest | undefined;
  /** The vertex of each step that leaves a layer, by stage and step: `2/5`. */
  readonly steps: ReadonlyMap<string, Digest>;
}

export interface GraphOptions {
  /** Manifest digests of images, by `imageKey()`: with them a moved tag is another vertex. */
  readonly imageDigests?: ReadonlyMap<string, Digest>;
  /** The named contexts that are images. */
  readonly contextImages?: ReadonlyMap<string, { readonly reference: string; readonly platform: Platform }>;
  /** `--no-cache`, or the stages of `--no-cache-filter`. */
  readonly noCache?: boolean | ReadonlySet<string>;
}

/** The key of `BuildGraph.steps`. */
export const stepKey = (stage: number, step: number) => `${stage}/${step}`;

/** The graph of a plan: a pure function of it. */
export function graphOf(plan: BuildPlan, options: GraphOptions = {}): BuildGraph {
  const builder = new GraphBuilder(options);
  for (const stage of plan.stages) builder.stage(stage);
  const { vertices, stages, steps } = builder;
  return { vertices, stages, steps, target: plan.target && stages.get(plan.target.index) };
}

interface MutableVertex extends Vertex {
  readonly origins: Origin[];
  noCache: boolean;
}

/** What a stage's vertices have in common. */
interface Asking {
  readonly origin: Origin;
  readonly noCache: boolean;
}

class GraphBuilder {
  readonly vertices = new Map<Digest, MutableVertex>();
  readonly stages = new Map<number, Digest>();
  readonly steps = new Map<string, Digest>();
  readonly #options: GraphOptions;

  constructor(options: GraphOptions) {
    this.#options = options;
  }

  stage(stage: PlannedStage): void {
    const { noCache = false } = this.#options;
    const isFresh = typeof noCache === "boolean" ? noCache : noCache.has(stage.title);
    const origin = { stage: stage.index, step: -1, title: stage.title, lines: undefined };
    let files = this.#base(stage.base, { origin, noCache: false });
    for (const [index, step] of stage.steps.entries()) {
      if (step.kind === "config") continue;
      const { title, lines } = step;
      files = this.#step(files, step, {
        origin: { stage: stage.index, step: index, title, lines },
        noCache: isFresh && step.kind !== "mkdir",
      });
      this.steps.set(stepKey(stage.index, index), files);
    }
    this.stages.set(stage.index, files);
  }

  #step(files: Digest, step: Exclude<Step, { kind: "config" }>, asking: Asking): Digest {
    if (step.kind === "mkdir") {
      return this.#add({ kind: "mkdir", path: step.path, user: step.user }, [files], asking);
    }
    if (step.kind === "run") return this.#run(files, step, asking);
    if (!step.link) return this.#copy(files, step, asking);
    const layer = this.#copy(this.#add({ kind: "scratch" }, [], asking), step, asking);
    return this.#add({ kind: "merge" }, [files, layer], asking);
  }

  #run(files: Digest, step: RunStep, asking: Asking): Digest {
    const inputs = [files];
    const mounts = step.mounts.map((mount) => this.#mount(mount, inputs, asking));
    if (step.script !== undefined) mounts.push(this.#script(step.script, inputs, asking));
    const { args, directory, user, network, security, devices } = step;
    const env = [...step.env];
    return this.#add(
      { kind: "run", args, env, directory, user, mounts, network, security, devices },
      inputs,
      asking,
    );
  }

  #mount(mount: StepMount, inputs: Digest[], asking: Asking): OperationMount {
    if (mount.type === "secret") return mount;
    if (mount.type === "ssh") return { ...mount, env: undefined };
    if (mount.type === "tmpfs") return mount;
    const { source, ...rest } = mount;
    return { ...rest, input: addInput(inputs, this.#source(source, asking)) };
  }

  #script(script: { path: string; content: string }, inputs: Digest[], asking: Asking): OperationMount {
    const slash = script.path.lastIndexOf("/");
    const fileName = script.path.slice(slash + 1);
    const file = this.#add({ kind: "file", fileName, content: script.content, mode: 0o755 }, [], asking);
    const target = script.path.slice(0, slash + 1);
    return { type: "bind", input: addInput(inputs, file), path: "/", target, readOnly: true };
  }

  #copy(files: Digest, step: CopyStep, asking: Asking): Digest {
    const inputs = [files];
    const items = step.items.map((item) => this.#item(item, inputs, asking));
    const { destination, chown, chmod, exclude } = step;
    return this.#add({ kind: "copy", items, destination, chown, chmod, exclude }, inputs, asking);
  }

  #item(item: CopyItem, inputs: Digest[], asking: Asking): OperationItem {
    const whole = { pattern: undefined, unpack: false, wildcards: false };
    const input = (operation: Operation) => addInput(inputs, this.#add(operation, [], asking));
    switch (item.kind) {
      case "path": {
        const { path, pattern, unpack } = item;
        return {
          input: addInput(inputs, this.#source(item.source, asking)),
          path,
          pattern,
          unpack,
          wildcards: true,
        };
      }
      case "http": {
        const { url, fileName, checksum, unpack } = item;
        return {
          ...whole,
          input: input({ kind: "http", url, fileName, checksum }),
          path: `/${fileName}`,
          unpack,
        };
      }
      case "git":
        return { ...whole, input: input({ kind: "git", reference: item.reference }), path: "/" };
      case "inline": {
        const { fileName, content } = item;
        return {
          ...whole,
          input: input({ kind: "file", fileName, content, mode: 0o644 }),
          path: `/${fileName}`,
        };
      }
    }
  }

  /** What a stage is built on are layers: a context that is no image becomes one. */
  #base(source: Source, asking: Asking): Digest {
    const files = this.#source(source, asking);
    if (this.vertices.get(files)?.operation.kind !== "context") return files;
    const inputs = [this.#add({ kind: "scratch" }, [], asking), files];
    const item = { input: 1, path: "/", pattern: undefined, unpack: false, wildcards: false };
    return this.#add(
      { kind: "copy", items: [item], destination: "/", chown: "", chmod: "", exclude: [] },
      inputs,
      asking,
    );
  }

  #source(source: Source, asking: Asking): Digest {
    switch (source.kind) {
      case "stage":
        return this.stages.get(source.stage)!;
      case "scratch":
        return this.#add({ kind: "scratch" }, [], asking);
      case "context":
        return this.#add({ kind: "context", name: "" }, [], asking);
      case "named": {
        const image = this.#options.contextImages?.get(source.name);
        if (image !== undefined) return this.#source({ kind: "image", ...image }, asking);
        return this.#add({ kind: "context", name: source.name }, [], asking);
      }
      case "image": {
        const reference = this.#options.imageDigests?.get(imageKey(source)) ?? source.reference;
        return this.#add({ kind: "image", reference, platform: formatPlatform(source.platform) }, [], asking);
      }
    }
  }

  #add(operation: Operation, inputs: readonly Digest[], { origin, noCache }: Asking): Digest {
    const digest = digestOf(canonical([operation, inputs]));
    const isWork = operation.kind === "run" || operation.kind === "copy";
    const known = this.vertices.get(digest);
    if (known === undefined) {
      this.vertices.set(digest, { digest, operation, inputs, origins: [origin], noCache: noCache && isWork });
    } else {
      known.origins.push(origin);
      known.noCache ||= noCache && isWork;
    }
    return digest;
  }
}

/** An input that is there already is not added twice. */
function addInput(inputs: Digest[], digest: Digest): number {
  const known = inputs.indexOf(digest, 1);
  return known > 0 ? known : inputs.push(digest) - 1;
}

/** JSON with the fields of each object in order, so that it does not matter how the object was made. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, field: unknown) =>
    typeof field === "object" && field !== null && !Array.isArray(field)
      ? Object.fromEntries(Object.entries(field).sort(([a], [b]) => (a < b ? -1 : 1)))
      : field,
  );
}
