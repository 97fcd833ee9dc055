import {
  type ExpandOptions,
  ExpansionBudget,
  expandWord,
  parseInstruction,
  type Statement,
} from "../../lib/dockerfile/index.ts";
import type { IgnoreRules } from "../../lib/ignore/index.ts";
import { EngineError, invalidParameter } from "../../lib/index.ts";
import type { ImageConfig } from "../../wire/index.ts";
import { ALL_CHECKS, type CheckOptions, Checks, type CheckWarning, parseCheckOptions } from "./checks.ts";
import { placedError } from "./errors.ts";
import { evaluateStage } from "./evaluate.ts";
import { globalArgs, predefinedArgs, proxyArgs } from "./global-args.ts";
import {
  type LinkedInstruction,
  type LinkedStage,
  linkInstruction,
  reachable,
  refuseCycles,
  targetStage,
} from "./links.ts";
import { formatPlatform, type Platform } from "./platform.ts";
import { imageKey, Resolver } from "./resolve.ts";
import { EMPTY_CONFIG, type StageResult } from "./stage-state.ts";
import type { Dockerfile } from "./stages.ts";
import { checkText } from "./static-checks.ts";
import type { Source, Step } from "./step.ts";

/** What a build needs to know of an image, or of a named context that is one. */
export interface BaseImage {
  readonly config: ImageConfig;
  readonly platform: Platform;
  readonly author?: string;
}

/** An image whose configuration is needed to go on. */
export interface ImageNeed {
  readonly reference: string;
  readonly platform: Platform;
  /** The instruction that names it, for an error's place. */
  readonly source: Statement;
}

export interface PlanOptions {
  /** `--target`; empty for the last stage. */
  readonly target?: string;
  readonly buildArgs?: ReadonlyMap<string, string>;
  readonly labels?: ReadonlyMap<string, string>;
  /** The machine's. */
  readonly buildPlatform: Platform;
  /** `--platform`; undefined: the machine's. */
  readonly targetPlatform?: Platform;
  /** `--build-context`: each name, and the image that it is, where it is one. */
  readonly contexts?: ReadonlyMap<string, BaseImage | undefined>;
  /** The images known so far, by `imageKey()`. */
  readonly images?: ReadonlyMap<string, BaseImage>;
  /** The full name of an image. @throws InvalidParameter */
  readonly imageName: (text: string) => string;
  /** @throws InvalidParameter */
  readonly checkSignal?: (signal: string) => void;
  readonly ignore?: IgnoreRules;
  /** What `# check=` says where this says nothing. */
  readonly checks?: CheckOptions;
  /** For `--check`: all stages where no target is given. */
  readonly allStages?: boolean;
}

/** A stage that is to be built. */
export interface PlannedStage {
  readonly index: number;
  readonly title: string;
  readonly base: Source;
  readonly steps: readonly Step[];
  readonly config: ImageConfig;
  readonly author: string;
  readonly platform: Platform;
  /** Arguments that were declared, with their values; the last of a name counts. */
  readonly args: readonly { readonly name: string; readonly value: string | undefined }[];
}

/** What is to be done for a target, or what has to be known first. */
export interface BuildPlan {
  /** Where this is not empty, the plan goes no further: it is made again with these images known. */
  readonly missing: readonly ImageNeed[];
  /** The stages that the target needs, each after those that it needs itself. */
  readonly stages: readonly PlannedStage[];
  /** The last of them; undefined while images are missing. */
  readonly target: PlannedStage | undefined;
  /** Variables that every `RUN` sees and that count for no cache. */
  readonly proxies: ReadonlyMap<string, string>;
  /** The values of the arguments in front of the first `FROM`. */
  readonly globals: ReadonlyMap<string, string>;
  readonly warnings: readonly CheckWarning[];
  /** Why warnings fail the build; undefined where they do not. */
  readonly violation: string | undefined;
}

/**
 * Plans a build: which stages are needed, and what each of their instructions does. It is a pure function, to be called
 * again with more images for as long as some are missing; an image's `ONBUILD` may need another one.
 * @throws DockerfileError, InvalidParameter
 */
export function planBuild(dockerfile: Dockerfile, options: PlanOptions): BuildPlan {
  return new Planner(dockerfile, options).plan();
}

class Planner {
  readonly #dockerfile: Dockerfile;
  readonly #options: PlanOptions;
  readonly #buildArgs: ReadonlyMap<string, string>;
  readonly #targetPlatform: Platform;
  readonly #checks: Checks;
  readonly #expanding: ExpandOptions;
  #globals: ReadonlyMap<string, string> = new Map();

  constructor(dockerfile: Dockerfile, options: PlanOptions) {
    this.#dockerfile = dockerfile;
    this.#options = options;
    this.#buildArgs = options.buildArgs ?? new Map();
    this.#targetPlatform = options.targetPlatform ?? options.buildPlatform;
    this.#checks = new Checks(checkOptions(dockerfile, options));
    this.#expanding = { escape: dockerfile.parsed.escape, budget: new ExpansionBudget() };
  }

  plan(): BuildPlan {
    checkText(this.#dockerfile, this.#checks);
    const resolver = this.#resolver();
    const stages: LinkedStage[] = resolver.stages.map((stage, index) => ({
      ...stage,
      instructions: stage.replaced
        ? []
        : this.#dockerfile.stages[index]!.instructions.map((instruction) =>
            linkInstruction(instruction, resolver),
          ),
    }));
    refuseCycles(stages);
    const target = targetStage(stages, this.#options.target ?? "");
    const wanted = this.#options.allStages && !this.#options.target ? stages.keys() : [target];
    const needed = this.#withTriggers(stages, [...wanted], resolver);
    const missing = this.#missing(stages, needed);
    const planned = missing.length > 0 ? [] : this.#evaluate(stages, needed, target);
    return {
      missing,
      stages: planned,
      target: planned.find(({ index }) => index === target),
      proxies: proxyArgs(this.#buildArgs),
      globals: this.#globals,
      warnings: this.#checks.warnings,
      violation: this.#checks.violation,
    };
  }

  #resolver(): Resolver {
    const { globals, stages } = this.#dockerfile;
    const predefined = predefinedArgs({
      buildPlatform: this.#options.buildPlatform,
      targetPlatform: this.#targetPlatform,
      target: this.#options.target || stages.at(-1)!.from.stage,
      buildArgs: this.#buildArgs,
    });
    this.#checkDefaults(predefined);
    this.#globals = globalArgs(predefined, globals, this.#buildArgs, this.#expanding);
    const resolver = new Resolver({
      targetPlatform: this.#targetPlatform,
      buildPlatform: this.#options.buildPlatform,
      contexts: new Set(this.#options.contexts?.keys()),
      imageName: this.#options.imageName,
      globals: this.#globals,
      declared: new Set(globals.flatMap(({ args }) => args.map(({ name }) => name))),
      expanding: this.#expanding,
      checks: this.#checks,
    });
    for (const { from } of stages) resolver.add(from);
    return resolver;
  }

  /** Bases should be images whether build arguments are given or not. */
  #checkDefaults(predefined: ReadonlyMap<string, string>): void {
    try {
      const { globals, stages } = this.#dockerfile;
      const defaults = globalArgs(predefined, globals, new Map(), this.#expanding);
      for (const { from } of stages) {
        const { text } = expandWord(from.base, defaults, this.#expanding);
        if (this.#isImageName(text)) continue;
        const message = `Default value for ARG ${from.base} results in empty or invalid base image name`;
        this.#checks.report("InvalidDefaultArgInFrom", from.source.lines, message);
      }
    } catch (error) {
      // It fails again, and is an error, if it fails with the build's own arguments.
      if (!(error instanceof EngineError)) throw error;
    }
  }

  #isImageName(text: string): boolean {
    try {
      this.#options.imageName(text);
      return true;
    } catch {
      return false;
    }
  }

  /**
   * Puts the triggers of bases in front of the instructions of the stages built on them, which may make more stages needed.
   * @returns the stages needed in the end.
   */
  #withTriggers(stages: LinkedStage[], wanted: readonly number[], resolver: Resolver): number[] {
    const done = new Set<number>();
    for (;;) {
      const open = [...reachable(stages, wanted)].filter((index) => !done.has(index)).sort((a, b) => a - b);
      if (open.length === 0) break;
      for (const index of open) {
        done.add(index);
        const stage = stages[index]!;
        const triggers = this.#triggersOf(stages, stage).map((text) => trigger(text, stage, resolver));
        stages[index] = { ...stage, instructions: [...triggers, ...stage.instructions] };
      }
      refuseCycles(stages);
    }
    return [...done].sort((a, b) => a - b);
  }

  /** Of a stage's own triggers those count that are written in it: an image's are used up by the stage built on it. */
  #triggersOf(stages: readonly LinkedStage[], { base, replaced }: LinkedStage): readonly string[] {
    if (replaced) return [];
    if (base.kind !== "stage") return this.#imageOf(base)?.config.OnBuild ?? [];
    return stages[base.stage]!.instructions.flatMap(({ instruction }) =>
      instruction.name === "ONBUILD" ? [instruction.expression] : [],
    );
  }

  #imageOf(source: Source): BaseImage | undefined {
    if (source.kind === "image") return this.#options.images?.get(imageKey(source));
    return source.kind === "named" ? this.#options.contexts?.get(source.name) : undefined;
  }

  #missing(stages: readonly LinkedStage[], needed: readonly number[]): ImageNeed[] {
    const missing = new Map<string, ImageNeed>();
    const need = (source: Source, statement: Statement) => {
      if (source.kind !== "image" || this.#imageOf(source) !== undefined) return;
      const key = imageKey(source);
      if (!missing.has(key)) missing.set(key, { ...source, source: statement });
    };
    for (const index of needed) {
      const { base, from, instructions } = stages[index]!;
      need(base, from.source);
      for (const { instruction, sources } of instructions) {
        for (const source of sources) need(source, instruction.source);
      }
    }
    return [...missing.values()];
  }

  #evaluate(stages: readonly LinkedStage[], needed: readonly number[], target: number): PlannedStage[] {
    const results = new Map<number, StageResult>();
    const planned = needed.map((index) => {
      const stage = stages[index]!;
      for (const linked of stage.instructions) refuseLaterStages(stages, index, linked);
      const base = this.#baseOf(stage, results);
      const checked = evaluateStage(stage, base, {
        globals: this.#globals,
        buildArgs: this.#buildArgs,
        expanding: this.#expanding,
        ignore: this.#options.ignore,
        checks: this.#checks,
        checkSignal: this.#options.checkSignal ?? (() => {}),
      });
      results.set(index, checked.result);
      const { config, author, platform, args } = checked.result;
      const title = stages.length === 1 ? "" : stage.title;
      return { index, title, base: stage.base, steps: checked.steps, config, author, platform, args };
    });
    return planned.map((stage) => (stage.index === target ? this.#withLabels(stage) : stage));
  }

  #baseOf(stage: LinkedStage, results: ReadonlyMap<number, StageResult>): StageResult {
    if (stage.base.kind === "stage") return results.get(stage.base.stage)!;
    const image = this.#imageOf(stage.base);
    const platform = stage.platform ?? image?.platform ?? this.#targetPlatform;
    if (image !== undefined && stage.base.kind === "image")
      this.#checkPlatform(stage, image, stage.base.platform);
    return {
      config: image?.config ?? EMPTY_CONFIG,
      author: image?.author ?? "",
      platform,
      env: new Map(),
      args: [],
      workdirSet: false,
    };
  }

  #checkPlatform({ from, baseName }: LinkedStage, { platform }: BaseImage, expected: Platform): void {
    if (platform.os === expected.os && platform.architecture === expected.architecture) return;
    const message = `Base image ${baseName} was pulled with platform "${formatPlatform(platform)}", expected "${formatPlatform(expected)}" for current build`;
    this.#checks.report("InvalidBaseImagePlatform", from.source.lines, message);
  }

  #withLabels(stage: PlannedStage): PlannedStage {
    const labels = this.#options.labels;
    if (labels === undefined || labels.size === 0) return stage;
    const Labels = Object.fromEntries(new Map([...Object.entries(stage.config.Labels ?? {}), ...labels]));
    return { ...stage, config: { ...stage.config, Labels } };
  }
}

function checkOptions({ parsed }: Dockerfile, options: PlanOptions): CheckOptions {
  const { check } = parsed.directives;
  if (options.checks !== undefined) return options.checks;
  if (check === undefined) return ALL_CHECKS;
  try {
    return parseCheckOptions(check.value);
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    throw invalidParameter(`failed to parse check options: ${error.message}`);
  }
}

function trigger(text: string, { from }: LinkedStage, resolver: Resolver): LinkedInstruction {
  try {
    const instruction = parseInstruction(text);
    // Its lines are those of an image, or of another stage: what is shown is the FROM that brings it in.
    const source = {
      ...instruction.source,
      lines: from.source.lines,
      segments: from.source.segments.slice(0, 1),
    };
    return linkInstruction({ ...instruction, source }, resolver, true);
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    const reason = "reason" in error ? String(error.reason) : error.message;
    throw placedError(from.source, reason);
  }
}

/** Files can be taken only from stages that come before, even where nothing would go in circles. */
function refuseLaterStages(stages: readonly LinkedStage[], index: number, linked: LinkedInstruction): void {
  const { instruction, sources } = linked;
  for (const source of sources) {
    if (source.kind !== "stage" || source.stage < index) continue;
    const named = stages[source.stage]!.title;
    const title = stages[index]!.title;
    throw placedError(
      instruction.source,
      instruction.name === "RUN"
        ? `cannot mount from stage ${JSON.stringify(named)}, stage needs to be defined before current command`
        : `cannot copy from stage ${JSON.stringify(named)}, it needs to be defined before current stage ${JSON.stringify(title)}`,
    );
  }
}
