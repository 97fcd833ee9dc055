import type { ImageConfig } from "../../wire/index.ts";
import type { Platform } from "./platform.ts";
import type { Step, StepHistory } from "./step.ts";

/** A declared argument, and its value where it has one. */
export interface DeclaredArg {
  readonly name: string;
  readonly value: string | undefined;
}

/** What a stage hands on to the stages that are built on it. */
export interface StageResult {
  readonly config: ImageConfig;
  readonly author: string;
  readonly platform: Platform;
  /** Variables of its steps: those of the configuration, and arguments. */
  readonly env: ReadonlyMap<string, string>;
  readonly args: readonly DeclaredArg[];
  /** A `WORKDIR` of this Dockerfile has said where relative ones begin. */
  readonly workdirSet: boolean;
}

const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** The configuration that `FROM scratch` begins with. */
export const EMPTY_CONFIG: ImageConfig = { WorkingDir: "/", Env: [`PATH=${DEFAULT_PATH}`] };

/** A stage while its instructions are gone through. */
export class StageState {
  readonly config: ImageConfig;
  readonly platform: Platform;
  readonly args: DeclaredArg[];
  readonly steps: Step[] = [];
  author: string;
  workdirSet: boolean;
  #env: Map<string, string>;
  /** Steps hold on to the variables that they run with. */
  #envIsShared = false;

  constructor(base: StageResult) {
    this.config = structuredClone(base.config);
    this.config.OnBuild = null;
    this.author = base.author;
    this.platform = base.platform;
    this.args = [...base.args];
    this.workdirSet = base.workdirSet;
    this.#env = new Map(base.env);
    const settings = this.config.Env ?? [];
    if (base.platform.os !== "windows" && !settings.some((setting) => setting.startsWith("PATH="))) {
      settings.push(`PATH=${DEFAULT_PATH}`);
    }
    this.config.Env = settings;
    for (const setting of settings) this.setVariable(...splitSetting(setting));
  }

  get env(): ReadonlyMap<string, string> {
    return this.#env;
  }

  /** The variables as they are now, whatever is set later. */
  shareEnv(): ReadonlyMap<string, string> {
    this.#envIsShared = true;
    return this.#env;
  }

  /** For the steps that follow; the image does not keep it. */
  setVariable(name: string, value: string): void {
    if (this.#envIsShared) this.#env = new Map(this.#env);
    this.#envIsShared = false;
    this.#env.set(name, value);
  }

  /** `ENV`: for the steps that follow and for the image's containers. */
  setEnv(name: string, value: string): void {
    this.setVariable(name, value);
    const settings = this.config.Env!;
    const before = settings.findIndex((setting) => splitSetting(setting)[0] === name);
    if (before < 0) settings.push(`${name}=${value}`);
    else settings[before] = `${name}=${value}`;
  }

  /** A command as the stage's shell runs it. */
  inShell(words: readonly string[]): string[] {
    const shell = this.config.Shell ?? [];
    return [...(shell.length > 0 ? shell : ["/bin/sh", "-c"]), words.join(" ")];
  }

  result(): StageResult {
    return {
      config: this.config,
      author: this.author,
      platform: this.platform,
      env: this.shareEnv(),
      args: this.args,
      workdirSet: this.workdirSet,
    };
  }
}

function splitSetting(setting: string): [name: string, value: string] {
  const equals = setting.indexOf("=");
  return equals < 0 ? [setting, ""] : [setting.slice(0, equals), setting.slice(equals + 1)];
}

/** What BuildKit's history says of an instruction that leaves no layer. */
export const emptyHistory = (createdBy: string): StepHistory => ({ createdBy, emptyLayer: true });
/** And of one that leaves one. */
export const layerHistory = (createdBy: string): StepHistory => ({ createdBy, emptyLayer: false });
