import { codeOf } from "../../lib/dockerfile/index.ts";
import {
  type Digest,
  digestHex,
  digestOf,
  EngineError,
  kindOf,
  messageOf,
  shortId,
} from "../../lib/index.ts";
import type { JsonMessage } from "../../wire/index.ts";
import { BuildFailed } from "../build-failed.ts";
import type { PlannedBuild } from "../builder-contract.ts";
import type { PlannedStage, Step } from "../dockerfile/index.ts";
import { stepKey } from "../graph/index.ts";
import { ProcessFailed } from "../solve/process-failed.ts";
import type { BuildEvent, VertexState } from "./events.ts";

export interface ClassicOptions {
  /** Only the image's id is told, and all where the build fails. */
  readonly quiet: boolean;
  /** Say that the steps' containers are removed. */
  readonly remove: boolean;
}

/** One line of a Dockerfile as the classic builder counts them. */
interface ClassicStep {
  /** `Step 1/5 : FROM x`; undefined for what a trigger does. */
  readonly title: string | undefined;
  /** What is told before a trigger's first step. */
  readonly note: string | undefined;
  readonly kind: Step["kind"] | "from" | "scratch";
  /** What has to be done for it; undefined for what needs no work. */
  readonly vertex: Digest | undefined;
  /** Twelve digits for what comes of it. */
  readonly id: string;
}

/** What a step has printed while an earlier one is still being told of. */
const HELD_BYTES_MAX = 1 << 20;
const QUIET_MESSAGES_MAX = 10_000;

interface VertexView {
  state: VertexState | undefined;
  held: string[];
  heldBytes: number;
  readonly decoders: Record<1 | 2, TextDecoder>;
}

/**
 * Tells a build the way Docker's classic builder does: step by step in the order of the Dockerfile, though steps may run at
 * the same time. What a later one prints is held back until it is its turn.
 */
export class ClassicProgress {
  readonly #options: ClassicOptions;
  readonly #send: (message: JsonMessage) => void;
  #steps: readonly ClassicStep[] = [];
  #unused: readonly string[] = [];
  #at = -1;
  /** The current step's title was told, and that it runs. */
  #isRunning = false;
  /** The last step's result is the image, whose id is not known yet. */
  #isLastDone = false;
  readonly #vertices = new Map<Digest, VertexView>();
  readonly #told = new Set<Digest>();
  readonly #quiet: JsonMessage[] = [];

  constructor(options: ClassicOptions, send: (message: JsonMessage) => void) {
    this.#options = options;
    this.#send = send;
  }

  /** Has to be called before the first step is reported. */
  planned(planned: PlannedBuild, buildArgs: ReadonlyMap<string, string>): void {
    this.#steps = classicSteps(planned);
    this.#unused = unusedArgs(planned, buildArgs);
    this.#next();
  }

  readonly report = (event: BuildEvent): void => {
    if (event.kind === "vertex") {
      this.#view(event.vertex.digest).state = event.vertex;
      this.#advance();
    } else if (event.kind === "log") this.#log(event);
    else if (event.kind === "status") {
      const { id, vertex, current, total, completed } = event.status;
      if (!this.#vertices.get(vertex)?.state?.name.startsWith("[internal] load metadata")) return;
      const status = completed === undefined ? "Downloading" : "Pull complete";
      const progressDetail =
        completed === undefined ? { current, ...(total === undefined ? {} : { total }) } : {};
      this.#tell({ status, id, progressDetail });
    }
  };

  /** The end of a build that came to an image, or to none. @param names familiar ones */
  finish(imageId: Digest | undefined, names: readonly string[]): void {
    const id = imageId === undefined ? undefined : shortId(digestHex(imageId));
    if (this.#isLastDone) this.#tell({ stream: ` ---> ${id ?? this.#steps.at(-1)!.id}\n` });
    if (this.#unused.length > 0) {
      const list = [...this.#unused].sort().join(" ");
      this.#tell({ stream: `[Warning] One or more build-args [${list}] were not consumed\n` });
    }
    if (imageId === undefined) return;
    this.#send({ aux: { ID: imageId } });
    if (this.#options.quiet) {
      this.#send({ stream: `${imageId}\n` });
      return;
    }
    this.#send({ stream: `Successfully built ${id}\n` });
    for (const name of names) this.#send({ stream: `Successfully tagged ${name}\n` });
  }

  /** What is told of a failure, in the classic builder's words. What was kept quiet is told after all. */
  failed(error: unknown): EngineError {
    for (const message of this.#quiet) this.#send(message);
    const cause = error instanceof BuildFailed ? error.failure.cause : error;
    if (cause instanceof ProcessFailed) return new ClassicFailure(cause);
    if (error instanceof BuildFailed) return new EngineError(kindOf(error), error.render(), { cause: error });
    return error instanceof EngineError
      ? error
      : new EngineError("System", messageOf(error), { cause: error });
  }

  #tell(message: JsonMessage): void {
    if (!this.#options.quiet) this.#send(message);
    else if (this.#quiet.length < QUIET_MESSAGES_MAX) this.#quiet.push(message);
  }

  #view(vertex: Digest): VertexView {
    let view = this.#vertices.get(vertex);
    if (view === undefined) {
      const decoders = { 1: new TextDecoder(), 2: new TextDecoder() };
      view = { state: undefined, held: [], heldBytes: 0, decoders };
      this.#vertices.set(vertex, view);
    }
    return view;
  }

  #log({ vertex, stream, bytes }: Extract<BuildEvent, { kind: "log" }>): void {
    const view = this.#view(vertex);
    const text = view.decoders[stream].decode(bytes, { stream: true });
    if (text === "") return;
    if (this.#steps[this.#at]?.vertex === vertex) {
      this.#begin(this.#steps[this.#at]!);
      this.#tell({ stream: text });
      return;
    }
    view.held.push(text);
    view.heldBytes += text.length;
    while (view.heldBytes > HELD_BYTES_MAX) view.heldBytes -= view.held.shift()!.length;
  }

  #next(): void {
    this.#at++;
    this.#isRunning = false;
    const step = this.#steps[this.#at];
    if (step === undefined) return;
    if (step.note !== undefined) this.#tell({ stream: step.note });
    if (step.title !== undefined) this.#tell({ stream: `${step.title}\n` });
    const view = step.vertex === undefined ? undefined : this.#view(step.vertex);
    if (view !== undefined && view.held.length > 0) {
      this.#begin(step);
      for (const text of view.held.splice(0)) this.#tell({ stream: text });
    }
    this.#advance();
  }

  /** Ends the steps that are done, up to the first that is not. */
  #advance(): void {
    const step = this.#steps[this.#at];
    if (step === undefined) return;
    const state = step.vertex === undefined ? undefined : this.#view(step.vertex).state;
    if (step.vertex !== undefined) {
      if (state?.completed === undefined || state.error !== undefined) return;
      const isKnown = this.#told.has(step.vertex);
      this.#told.add(step.vertex);
      if (step.kind !== "from" && (state.cached || isKnown)) this.#tell({ stream: " ---> Using cache\n" });
      else if (step.kind === "run") {
        this.#begin(step);
        if (this.#options.remove)
          this.#tell({ stream: ` ---> Removed intermediate container ${containerOf(step)}\n` });
      }
    }
    if (this.#at === this.#steps.length - 1) {
      this.#isLastDone = true;
      this.#at++;
      return;
    }
    this.#tell({ stream: step.kind === "scratch" ? " ---> \n" : ` ---> ${step.id}\n` });
    this.#next();
  }

  /** Whether a step runs or is found in the cache is known only when it prints, or ends. */
  #begin(step: ClassicStep): void {
    if (this.#isRunning || step.kind !== "run") return;
    this.#isRunning = true;
    this.#tell({ stream: ` ---> Running in ${containerOf(step)}\n` });
  }
}

const containerOf = ({ vertex, id }: ClassicStep) => (vertex === undefined ? id : shortId(digestHex(vertex)));

/** A process's failure, with its exit code for the client's own. */
export class ClassicFailure extends EngineError {
  readonly exitCode: number;

  constructor({ args, exitCode }: ProcessFailed) {
    super("InvalidParameter", `The command '${args.join(" ")}' returned a non-zero code: ${exitCode}`);
    this.name = "ClassicFailure";
    this.exitCode = exitCode;
  }
}

function classicSteps({ plan, graph, dockerfile }: PlannedBuild): ClassicStep[] {
  const ownSteps = ({ steps }: PlannedStage) => steps.filter(({ onBuild }) => !onBuild).length;
  const total =
    dockerfile.globals.length + plan.stages.reduce((count, stage) => count + 1 + ownSteps(stage), 0);
  let number = 0;
  const title = (text: string) => `Step ${++number}/${total} : ${text}`;
  const steps: ClassicStep[] = dockerfile.globals.map(({ source }) => ({
    title: title(codeOf(source)),
    note: undefined,
    kind: "scratch",
    vertex: undefined,
    id: "",
  }));
  for (const stage of plan.stages) {
    let files = graph.stages.get(stage.index)!;
    const firstStep = stage.steps.findIndex(({ kind }) => kind !== "config");
    const firstVertex = graph.steps.get(stepKey(stage.index, firstStep));
    const base = firstVertex === undefined ? files : (graph.vertices.get(firstVertex)?.inputs[0] ?? files);
    const isScratch = stage.base.kind === "scratch";
    files = base;
    steps.push({
      title: title(codeOf(dockerfile.stages[stage.index]!.from.source)),
      note: undefined,
      kind: isScratch ? "scratch" : "from",
      vertex: base,
      id: idOf(base, ""),
    });
    const triggers = stage.steps.filter(({ onBuild }) => onBuild).length;
    const { instructions } = dockerfile.stages[stage.index]!;
    for (const [index, step] of stage.steps.entries()) {
      const vertex = graph.steps.get(stepKey(stage.index, index));
      if (vertex !== undefined) files = vertex;
      const note =
        step.onBuild && index === 0
          ? `# Executing ${triggers} build trigger${triggers === 1 ? "" : "s"}\n`
          : undefined;
      steps.push({
        // As written, which a step's own title is not: there variables are put in.
        title: step.onBuild ? undefined : title(codeOf(instructions[index - triggers]!.source)),
        note,
        kind: step.kind,
        vertex,
        id: idOf(files, `${stage.index}/${index}`),
      });
    }
  }
  return steps;
}

const idOf = (files: Digest, step: string) => shortId(digestHex(digestOf(`${files} ${step}`)));

/** Arguments that belong to every build, declared or not. */
const PREDEFINED = /^(?:(?:https?|ftp|no|all)_proxy|SOURCE_DATE_EPOCH|BUILDKIT_.*)$/i;

function unusedArgs({ dockerfile }: PlannedBuild, buildArgs: ReadonlyMap<string, string>): string[] {
  const declared = new Set(
    [...dockerfile.globals, ...dockerfile.stages.flatMap(({ instructions }) => instructions)].flatMap(
      (instruction) => (instruction.name === "ARG" ? instruction.args.map(({ name }) => name) : []),
    ),
  );
  return [...buildArgs.keys()].filter((name) => !declared.has(name) && !PREDEFINED.test(name));
}
