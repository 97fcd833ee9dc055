import {
  didYouMean,
  type ExpandOptions,
  type Expansion,
  expandWord,
  type FromInstruction,
  nearest,
  quote,
  type Statement,
} from "../../lib/dockerfile/index.ts";
import { EngineError } from "../../lib/index.ts";
import type { Checks } from "./checks.ts";
import { placedError } from "./errors.ts";
import { formatPlatform, type Platform, parsePlatform } from "./platform.ts";
import type { Source } from "./step.ts";

/** What a stage is built on. */
export interface ResolvedStage {
  readonly from: FromInstruction;
  /** Its name, or `stage-2`. */
  readonly title: string;
  /** What `FROM` names, with its arguments put in. */
  readonly baseName: string;
  readonly base: Source;
  /** What `--platform` says; undefined where nothing does. */
  readonly platform: Platform | undefined;
  /** A `--build-context` of the stage's name stands in for all of it. */
  readonly replaced: boolean;
}

export interface ResolveOptions {
  readonly targetPlatform: Platform;
  readonly buildPlatform: Platform;
  /** Names that `--build-context` gives. */
  readonly contexts: ReadonlySet<string>;
  /** The full name of an image, tag and all: `docker.io/library/debian:latest`. @throws InvalidParameter */
  readonly imageName: (text: string) => string;
  /** Arguments that `FROM` may use. */
  readonly globals: ReadonlyMap<string, string>;
  /** Names that are declared, with or without a value. */
  readonly declared: ReadonlySet<string>;
  readonly expanding: ExpandOptions;
  readonly checks: Checks;
}

/** Knows the stages by name and number, and says what anything else that is named is. */
export class Resolver {
  readonly stages: ResolvedStage[] = [];
  readonly #options: ResolveOptions;
  readonly #byName = new Map<string, number>();

  constructor(options: ResolveOptions) {
    this.#options = options;
  }

  /** Adds the next stage: it can be built on any that came before it. @throws DockerfileError */
  add(from: FromInstruction): void {
    const checks = this.#options.checks.under(from.source.comments);
    const baseName = this.#baseName(from, checks);
    const platform = this.#platform(from, checks);
    const replaced = from.stage !== "" && this.#isContext(from.stage);
    this.stages.push({
      from,
      title: from.stage === "" ? `stage-${this.stages.length}` : from.stage,
      baseName,
      base: replaced ? { kind: "named", name: from.stage } : this.#base(baseName, platform, from.source),
      platform,
      replaced,
    });
    if (from.stage !== "") this.#byName.set(from.stage, this.stages.length - 1);
  }

  /** The stage of a name in any case; of several the last one. */
  stageNamed(name: string): Source | undefined {
    const stage = this.#byName.get(name.toLowerCase());
    return stage === undefined ? undefined : { kind: "stage", stage };
  }

  /** What a name is that is no stage's: nothing, a named context, or an image. @throws DockerfileError */
  sourceOf(name: string, source: Statement, platform = this.#options.targetPlatform): Source {
    if (name === "scratch") return { kind: "scratch" };
    const reference = this.#imageName(name, source);
    const familiar = reference.replace(/^docker\.io\/(?:library\/)?/, "");
    const names = [name, reference, familiar, familiar.replace(/:latest$/, "")];
    const context = names.find((candidate) => this.#isContext(candidate));
    if (context !== undefined) return { kind: "named", name: context };
    return { kind: "image", reference, platform };
  }

  /** `FROM` knows stages only as their names are kept, in lower case. */
  #base(name: string, platform: Platform | undefined, source: Statement): Source {
    const stage = this.#byName.get(name);
    return stage === undefined ? this.sourceOf(name, source, platform) : { kind: "stage", stage };
  }

  #isContext(name: string): boolean {
    return name !== "scratch" && name !== "context" && this.#options.contexts.has(name);
  }

  #imageName(name: string, source: Statement): string {
    try {
      return this.#options.imageName(name);
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      throw placedError(source, `failed to parse stage name ${quote(name)}: ${error.message}`);
    }
  }

  #baseName(from: FromInstruction, checks: Checks): string {
    const expansion = this.#expand(from.base, from);
    this.#checkDeclared(expansion, from, checks);
    if (expansion.text === "") {
      throw placedError(from.source, `base name (${from.base}) should not be blank`);
    }
    return expansion.text;
  }

  #platform(from: FromInstruction, checks: Checks): Platform | undefined {
    if (from.platform === "") return undefined;
    const expansion = this.#expand(from.platform, from);
    this.#checkDeclared(expansion, from, checks);
    this.#checkPlatform(expansion, from, checks);
    const hint = () =>
      [...expansion.unmatched].map((name) => didYouMean(name, this.#options.globals.keys())).find(Boolean) ??
      "";
    if (expansion.text === "") {
      throw placedError(from.source, `empty platform value from expression ${from.platform}${hint()}`);
    }
    try {
      return parsePlatform(expansion.text, this.#options.buildPlatform);
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      throw placedError(from.source, `failed to parse platform ${from.platform}: ${error.message}${hint()}`);
    }
  }

  #expand(word: string, { source }: FromInstruction): Expansion {
    try {
      return expandWord(word, this.#options.globals, this.#options.expanding);
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      throw placedError(source, error.message, { offset: source.argumentsOffset });
    }
  }

  #checkDeclared({ unmatched }: Expansion, { source }: FromInstruction, checks: Checks): void {
    const known = new Set([...this.#options.globals.keys(), ...this.#options.declared]);
    for (const name of unmatched) {
      if (known.has(name)) continue;
      const near = nearest(name, known);
      const hint = near === undefined ? "" : ` (did you mean ${near}?)`;
      checks.report("UndefinedArgInFrom", source.lines, `FROM argument '${name}' is not declared${hint}`);
    }
  }

  /** A platform that is the target's anyway says nothing; one that is constant ties the file to it. */
  #checkPlatform(expansion: Expansion, { source, platform, stage }: FromInstruction, checks: Checks): void {
    const { text, matched, unmatched } = expansion;
    if (matched.size === 1 && unmatched.size === 0) {
      const isTarget = matched.has("TARGETPLATFORM") && text === this.#options.globals.get("TARGETPLATFORM");
      if (!isTarget) return;
      const message = `Setting platform to predefined ${platform} in FROM is redundant as this is the default behavior`;
      checks.report("RedundantTargetPlatform", source.lines, message);
    }
    if (matched.size > 0 || unmatched.size > 0 || this.#namesPlatform(stage, text)) return;
    const message = `FROM --platform flag should not use constant value ${quote(text)}`;
    checks.report("FromPlatformFlagConstDisallowed", source.lines, message);
  }

  #namesPlatform(stage: string, text: string): boolean {
    try {
      const { os, architecture } = parsePlatform(text, this.#options.buildPlatform);
      return stage.includes(os) || stage.includes(architecture);
    } catch {
      // It is refused as what it is, right after.
      return true;
    }
  }
}

/** Two names for the same image on the same platform are one. */
export function imageKey({ reference, platform }: { reference: string; platform: Platform }): string {
  return `${reference} ${formatPlatform(platform)}`;
}
