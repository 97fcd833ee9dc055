import {
  codeOf,
  type ExpandOptions,
  expandWord,
  expandWords,
  type Instruction,
  nearest,
  parseExposedPort,
  quote,
  type Variables,
} from "../../lib/dockerfile/index.ts";
import type { IgnoreRules } from "../../lib/ignore/index.ts";
import { EngineError, invalidParameter } from "../../lib/index.ts";
import { withoutCredentials } from "../credentials.ts";
import type { Checks } from "./checks.ts";
import { placedError } from "./errors.ts";
import { evaluateCopy } from "./evaluate-copy.ts";
import { evaluateRun } from "./evaluate-run.ts";
import { formatHealthCheck } from "./format-health-check.ts";
import type { LinkedInstruction, LinkedStage } from "./links.ts";
import { relativeTo } from "./paths.ts";
import { emptyHistory, layerHistory, type StageResult, StageState } from "./stage-state.ts";
import { checkSecretName } from "./static-checks.ts";
import type { Step, StepHistory } from "./step.ts";

export interface EvaluateOptions {
  readonly globals: ReadonlyMap<string, string>;
  readonly buildArgs: ReadonlyMap<string, string>;
  readonly expanding: ExpandOptions;
  /** The ignore file of the context, for the check of what is copied. */
  readonly ignore: IgnoreRules | undefined;
  readonly checks: Checks;
  /** What counts as a signal's name. @throws InvalidParameter */
  readonly checkSignal: (signal: string) => void;
}

/** A stage's steps, and what it hands on. */
export interface EvaluatedStage {
  readonly steps: readonly Step[];
  readonly result: StageResult;
}

/**
 * Goes through a stage's instructions, with their variables put in (BuildKit's `dispatch`).
 * @throws DockerfileError
 */
export function evaluateStage(
  stage: LinkedStage,
  base: StageResult,
  options: EvaluateOptions,
): EvaluatedStage {
  const state = new StageState(base);
  const evaluation = new StageEvaluation(state, options);
  for (const linked of stage.instructions) evaluation.instruction(linked);
  return { steps: state.steps, result: state.result() };
}

/** What one instruction's evaluation may use. */
export interface InstructionContext {
  readonly state: StageState;
  readonly linked: LinkedInstruction;
  readonly options: EvaluateOptions;
  readonly checks: Checks;
  /** A word with its variables put in; what is not defined is reported. @throws InvalidParameter */
  expand(word: string): string;
  /** The same for the content of a here-document, where quotes are nothing special. */
  expandContent(content: string): string;
  /** The instruction as it is shown, with its variables put in where that can be done. */
  title(overrides?: TitleOptions): string;
}

export interface TitleOptions {
  readonly code?: string;
  readonly expanding?: ExpandOptions;
  readonly env?: Variables;
}

/** Arguments that are no variables (BuildKit's `nonEnvArgs`). */
const NOT_VARIABLES = new Set(["BUILDKIT_SBOM_SCAN_CONTEXT", "BUILDKIT_SBOM_SCAN_STAGE"]);
/** Of all the ports that a Dockerfile names. */
const PORTS_MAX = 1_000_000;

class StageEvaluation {
  readonly #state: StageState;
  readonly #options: EvaluateOptions;
  readonly #usedOnce = new Map<string, Instruction>();
  #ports = 0;

  constructor(state: StageState, options: EvaluateOptions) {
    this.#state = state;
    this.#options = options;
  }

  instruction(linked: LinkedInstruction): void {
    const { source } = linked.instruction;
    try {
      this.#dispatch(this.#contextOf(linked));
    } catch (error) {
      if (!(error instanceof EngineError) || "lines" in error) throw error;
      throw placedError(source, error.message);
    }
  }

  #contextOf(linked: LinkedInstruction): InstructionContext {
    const checks = this.#options.checks.under(linked.instruction.source.comments);
    const expandWith = (word: string, expanding: ExpandOptions) => {
      const { text, unmatched } = expandWord(word, this.#state.env, expanding);
      this.#reportUndefined(unmatched, linked.instruction, checks);
      return text;
    };
    const { expanding } = this.#options;
    return {
      state: this.#state,
      linked,
      options: this.#options,
      checks,
      expand: (word) => expandWith(word, expanding),
      expandContent: (content) => expandWith(content, { ...expanding, escape: "\\", plainQuotes: true }),
      title: (overrides = {}) => this.#title(linked, overrides),
    };
  }

  #title({ instruction }: LinkedInstruction, overrides: TitleOptions): string {
    const code = overrides.code ?? codeOf(instruction.source);
    const title = code.replace(/^\S+/, (word) => word.toUpperCase());
    try {
      const expanding = { ...this.#options.expanding, ...overrides.expanding };
      return expandWord(title, overrides.env ?? this.#state.env, expanding).text;
    } catch {
      return title;
    }
  }

  #reportUndefined(unmatched: ReadonlySet<string>, instruction: Instruction, checks: Checks): void {
    for (const name of unmatched) {
      if (NOT_VARIABLES.has(name) || this.#state.args.some((arg) => arg.name === name)) continue;
      const near = nearest(name, this.#state.env.keys());
      const hint = near === undefined ? "" : ` (did you mean $${near}?)`;
      checks.report(
        "UndefinedVar",
        instruction.source.lines,
        `Usage of undefined variable '$${name}'${hint}`,
      );
    }
  }

  #dispatch(context: InstructionContext): void {
    const { instruction } = context.linked;
    switch (instruction.name) {
      case "RUN":
        this.#state.steps.push(evaluateRun(context, instruction));
        return;
      case "ADD":
      case "COPY":
        this.#state.steps.push(evaluateCopy(context, instruction));
        return;
      case "WORKDIR":
        this.#workdir(context, instruction.path);
        return;
      default:
        this.#config(context, this.#configure(context));
    }
  }

  #config({ linked, title }: InstructionContext, history: StepHistory | undefined): void {
    const { lines } = linked.instruction.source;
    this.#state.steps.push({ kind: "config", title: title(), lines, onBuild: linked.onBuild, history });
  }

  /** Changes what the image says of itself, and says so in its history. */
  #configure(context: InstructionContext): StepHistory | undefined {
    const { instruction } = context.linked;
    const { config } = this.#state;
    switch (instruction.name) {
      case "ARG":
        return emptyHistory(
          withoutCredentials(`ARG ${instruction.args.map((arg) => this.#arg(context, arg)).join(" ")}`),
        );
      case "ENV":
        return emptyHistory(`ENV ${this.#env(context, instruction).join(" ")}`);
      case "LABEL":
        return emptyHistory(`LABEL ${this.#labels(context, instruction).join(" ")}`);
      case "CMD":
      case "ENTRYPOINT":
        return this.#command(context, instruction);
      case "EXPOSE":
        return emptyHistory(`EXPOSE [${this.#expose(context, instruction.ports).join(" ")}]`);
      case "HEALTHCHECK":
        this.#onlyOnce(context);
        config.Healthcheck = { ...instruction.check };
        return emptyHistory(`HEALTHCHECK ${formatHealthCheck(instruction.check)}`);
      case "MAINTAINER":
        this.#state.author = instruction.maintainer;
        return emptyHistory(`MAINTAINER ${instruction.maintainer}`);
      case "ONBUILD":
        config.OnBuild = [...(config.OnBuild ?? []), instruction.expression];
        return undefined;
      case "SHELL":
        config.Shell = [...instruction.shell];
        return emptyHistory(`SHELL [${instruction.shell.join(" ")}]`);
      case "STOPSIGNAL":
        config.StopSignal = context.expand(instruction.signal);
        this.#options.checkSignal(config.StopSignal);
        return emptyHistory(`STOPSIGNAL ${config.StopSignal}`);
      case "USER":
        config.User = context.expand(instruction.user);
        return emptyHistory(`USER ${config.User}`);
      case "VOLUME":
        return emptyHistory(`VOLUME [${this.#volumes(context, instruction.volumes).join(" ")}]`);
      default:
        throw new Error(`${instruction.name} is no instruction of a stage`);
    }
  }

  /** The value given for a build, or the default, or that of a global argument of the same name. */
  #arg(context: InstructionContext, arg: { name: string; value: string | undefined }): string {
    const { name } = arg;
    checkSecretName("ARG", name, context.linked.instruction.source, context.checks);
    const given = this.#options.buildArgs.get(name);
    const value =
      given ?? (arg.value === undefined ? this.#options.globals.get(name) : context.expand(arg.value));
    if (value !== undefined && !NOT_VARIABLES.has(name)) this.#state.setVariable(name, value);
    this.#state.args.push({ name, value });
    return value === undefined ? name : `${name}=${value}`;
  }

  /** All of an instruction's words are expanded before any of its variables is set. */
  #pairs(context: InstructionContext, pairs: readonly { name: string; value: string; legacy: boolean }[]) {
    const { keyword, lines } = context.linked.instruction.source;
    return pairs.map(({ name, value, legacy }) => {
      if (legacy) {
        const message = `"${keyword} key=value" should be used instead of legacy "${keyword} key value" format`;
        context.checks.report("LegacyKeyValueFormat", lines, message);
      }
      return [context.expand(name), context.expand(value)] as const;
    });
  }

  #env(context: InstructionContext, instruction: Extract<Instruction, { name: "ENV" }>): string[] {
    return this.#pairs(context, instruction.pairs).map(([name, value]) => {
      checkSecretName("ENV", name, instruction.source, context.checks);
      this.#state.setEnv(name, value);
      return `${name}=${value}`;
    });
  }

  #labels(context: InstructionContext, instruction: Extract<Instruction, { name: "LABEL" }>): string[] {
    const pairs = this.#pairs(context, instruction.pairs);
    const labels = new Map([...Object.entries(this.#state.config.Labels ?? {}), ...pairs]);
    this.#state.config.Labels = Object.fromEntries(labels);
    return pairs.map(([name, value]) => `${name}=${value}`);
  }

  #command(
    context: InstructionContext,
    { name, command, source }: Extract<Instruction, { name: "CMD" | "ENTRYPOINT" }>,
  ): StepHistory {
    this.#onlyOnce(context);
    const { config } = this.#state;
    if (command.shell && (config.Shell ?? []).length === 0) {
      const message = `JSON arguments recommended for ${source.keyword} to prevent unintended behavior related to OS signals`;
      context.checks.report("JSONArgsRecommended", source.lines, message);
    }
    const args = command.shell ? this.#state.inShell(command.words) : [...command.words];
    if (name === "CMD") {
      config.Cmd = args;
      config.ArgsEscaped = true;
    } else {
      config.Entrypoint = args.length === 0 ? null : args;
      // A command of the base is meant for its entrypoint.
      if (!this.#usedOnce.has("CMD")) config.Cmd = null;
    }
    return emptyHistory(`${name} [${args.map(quote).join(" ")}]`);
  }

  /** Of several only the last one counts, so the one before is what is wrong. */
  #onlyOnce({ linked: { instruction }, checks }: InstructionContext): void {
    const before = this.#usedOnce.get(instruction.name);
    this.#usedOnce.set(instruction.name, instruction);
    if (before === undefined) return;
    const message = `Multiple ${instruction.source.keyword} instructions should not be used in the same stage because only the last one will be used`;
    checks.report("MultipleInstructionsDisallowed", before.source.lines, message);
  }

  #expose(context: InstructionContext, words: readonly string[]): string[] {
    const { source } = context.linked.instruction;
    const ports = words
      .flatMap((word) => expandWords(word, this.#state.env, this.#options.expanding))
      .flatMap((word) => {
        const port = parseExposedPort(word);
        if (port.writtenProtocol !== port.writtenProtocol.toLowerCase()) {
          const message = `Defined protocol '${word}' in EXPOSE instruction should be lowercase`;
          context.checks.report("ExposeProtoCasing", source.lines, message);
        }
        if (port.hasHostPart) {
          const message = `EXPOSE instruction should not define an IP address or host-port mapping, found '${word}'`;
          context.checks.report("ExposeInvalidFormat", source.lines, message);
        }
        this.#ports += port.last - port.first + 1;
        if (this.#ports > PORTS_MAX) throw invalidParameter(`more than ${PORTS_MAX} ports`);
        return Array.from(
          { length: port.last - port.first + 1 },
          (_, index) => `${port.first + index}/${port.protocol}`,
        );
      });
    const { config } = this.#state;
    config.ExposedPorts = { ...config.ExposedPorts, ...Object.fromEntries(ports.map((port) => [port, {}])) };
    return ports;
  }

  #volumes(context: InstructionContext, words: readonly string[]): string[] {
    const volumes = words.map((word) => context.expand(word));
    if (volumes.includes("")) throw invalidParameter("VOLUME specified can not be an empty string");
    const all = new Map(Object.entries(this.#state.config.Volumes ?? {}));
    for (const volume of volumes) all.set(volume, {});
    this.#state.config.Volumes = Object.fromEntries(all);
    return volumes;
  }

  #workdir(context: InstructionContext, written: string): void {
    const { source } = context.linked.instruction;
    const path = context.expand(written);
    if (!this.#state.workdirSet && !path.startsWith("/")) {
      const message = `Relative workdir ${quote(path)} can have unexpected results if the base image changes`;
      context.checks.report("WorkdirRelativePath", source.lines, message);
    }
    this.#state.workdirSet = true;
    const { config } = this.#state;
    config.WorkingDir = relativeTo(config.WorkingDir ?? "", path);
    const history = `WORKDIR ${config.WorkingDir}`;
    if (config.WorkingDir === "/") {
      this.#config(context, emptyHistory(history));
      return;
    }
    this.#state.steps.push({
      kind: "mkdir",
      title: context.title(),
      lines: source.lines,
      onBuild: context.linked.onBuild,
      history: layerHistory(history),
      path: config.WorkingDir,
      user: config.User ?? "",
    });
  }
}
