import type { Application, LoadOptions, Project } from "../../compose/index.ts";
import type { Engine } from "../../sdk/index.ts";
import type { Cli } from "../cli.ts";
import { ExitError } from "../errors.ts";
import type { Values } from "../flags.ts";
import { parseBool, parseDecimal } from "../text/numbers.ts";
import { type Colours, colours } from "./colours.ts";
import type { COMPOSE_FLAGS } from "./flags.ts";
import type { ProgressView } from "./progress/view.ts";
import { warningLine } from "./warning.ts";

/** How progress is shown. */
export type ProgressMode = "tty" | "plain" | "json" | "quiet";

/** What a shell says of a program ended by SIGINT. */
export const INTERRUPTED = 130;

const ANSI_MODES = ["never", "always", "auto"];
const PROGRESS_MODES = ["", "auto", "tty", "plain", "json", "quiet", "none"];

/** Rooms of compose/ are loaded when a command needs them: `compose --help` does not. */
export const compose = () => import("../../compose/index.ts");
/** What reads Compose files and prints them: a part of `compose` that takes half as long to load. */
export const projects = () => import("../../compose/project/index.ts");

interface Display {
  readonly progress: string;
  readonly ansi: string;
}

/** A project as a command line means it: from files, or only by its name. */
export interface Found {
  readonly name: string;
  /** Absent where there is no file: with `-p`, or where only `COMPOSE_PROJECT_NAME` says what is meant. */
  readonly project?: Project;
}

export interface WorkOptions {
  /** What the list of progress is headed by: `up`, `down`, … */
  readonly title: string;
  /** Says nothing, whatever `--progress` is. */
  readonly quiet?: boolean;
  /** Says nothing of the steps of builds. */
  readonly quietBuild?: boolean;
  /** What a signal stops; without one, the first SIGINT or SIGTERM does, and the next ends the process. */
  readonly signal?: AbortSignal;
}

/** One call of `compose`: its global flags, the project that they mean, the engine, and how progress is shown. */
export class Session {
  readonly cli: Cli;
  readonly dryRun: boolean;
  readonly allResources: boolean;
  readonly compatibility: boolean;
  readonly #flags: Values<typeof COMPOSE_FLAGS>;
  /** Variables of the process, and of the `.env` files once a project was loaded. */
  #variables: ReadonlyMap<string, string> | undefined;
  readonly #parallel: number;
  readonly #isAnsiGiven: boolean;
  #display: Display;

  /** @throws where the flags make no sense. */
  constructor(
    cli: Cli,
    flags: Values<typeof COMPOSE_FLAGS>,
    changed: (flag: keyof typeof COMPOSE_FLAGS) => boolean,
  ) {
    this.cli = cli;
    this.#flags = flags;
    this.dryRun = flags["dry-run"];
    this.allResources = flags["all-resources"];
    if (flags["no-ansi"]) cli.note("option '--no-ansi' is DEPRECATED ! Please use '--ansi' instead.");
    this.#isAnsiGiven = changed("ansi");
    this.#display = this.#readDisplay();
    if (flags.workdir !== "" && flags["project-directory"] !== "") {
      throw new Error(
        'cannot specify DEPRECATED "--workdir" and "--project-directory". Please use only "--project-directory" instead',
      );
    }
    this.compatibility = flags.compatibility || isSet(cli.env["COMPOSE_COMPATIBILITY"]);
    this.#parallel = parallelLimit(cli, flags.parallel, changed("parallel"));
  }

  /** As the flag or a variable says; see `mode` for what comes of it. */
  get progress(): string {
    return this.#display.progress;
  }

  get ansi(): string {
    return this.#display.ansi;
  }

  engine(): Promise<Engine> {
    return this.cli.engine();
  }

  /** A variable of the process, else of the project's `.env` file. */
  variable(name: string): string | undefined {
    return this.cli.env[name] ?? this.#variables?.get(name);
  }

  /** Whether a variable says yes. */
  isSet(name: string): boolean {
    return isSet(this.variable(name));
  }

  /** Which files, which folder, which variables: what `loadProject` wants to know. */
  loadOptions(options: LoadOptions = {}): LoadOptions {
    const flags = this.#flags;
    const directory = flags["project-directory"] || flags.workdir;
    const limit = this.#parallel > 0 ? { COMPOSE_PARALLEL_LIMIT: String(this.#parallel) } : {};
    return {
      files: flags.file,
      ...(directory !== "" && { directory }),
      ...(flags["project-name"] !== "" && { name: flags["project-name"] }),
      envFiles: flags["env-file"],
      profiles: flags.profile,
      environment: { ...this.cli.env, ...limit },
      allResources: this.allResources,
      warn: (message) => this.warn(message),
      ...options,
    };
  }

  /** The project of the files. @throws ComposeError, NotFound `no configuration file provided: not found`. */
  async load(options: LoadOptions = {}): Promise<Project> {
    const { loadProject } = await projects();
    const project = loadProject(this.loadOptions(options));
    this.#variables = project.environment;
    this.#display = this.#readDisplay();
    return project;
  }

  /** The project of the files, which is to be changed; names of services enable their profiles. */
  async loadToRun(services: readonly string[] = []): Promise<Project> {
    this.#checkCompatibility();
    return this.load({ services });
  }

  /**
   * The project of the files, or the one that is only named: `-p shop ps` needs no file, and where there is none
   * `COMPOSE_PROJECT_NAME` is enough.
   */
  async find(services: readonly string[] = []): Promise<Found> {
    const named = this.#flags["project-name"];
    if (this.#flags.file.length === 0 && named !== "") return { name: named.toLowerCase() };
    try {
      const project = await this.load({ services, resolveEnvironment: false });
      return { name: project.name, project };
    } catch (error) {
      const variable = this.cli.env["COMPOSE_PROJECT_NAME"] ?? "";
      if (variable === "") throw error;
      return { name: variable.toLowerCase() };
    }
  }

  /** The project's name, for commands that look at what the engine has. */
  async projectName(): Promise<string> {
    const said = this.#flags["project-name"] || (this.cli.env["COMPOSE_PROJECT_NAME"] ?? "");
    if (said !== "") return said.toLowerCase();
    return (await this.load({ resolveEnvironment: false })).name;
  }

  /** The project of the files, or what the engine has under its name. */
  async projectOnEngine(services: readonly string[] = []): Promise<Project> {
    const { name, project } = await this.find(services);
    if (project !== undefined) return project;
    const { projectFromState, readState } = await compose();
    return projectFromState(name, await readState(await this.engine(), name, { oneOff: true }));
  }

  /**
   * Does something to a project, and shows how it goes. An interruption aborts it.
   * @throws ExitError 130 where it was interrupted.
   */
  async work<T>(
    project: Project,
    options: WorkOptions,
    work: (app: Application, view: ProgressView) => Promise<T>,
  ): Promise<T> {
    using interruption = options.signal === undefined ? new Interruption() : undefined;
    const signal = options.signal ?? interruption!.signal;
    const engine = await this.engine();
    const view = await this.view(options.title, options);
    const app: Application = { engine, project, report: view, dryRun: this.dryRun, signal };
    try {
      return await work(app, view);
    } catch (error) {
      if (interruption?.signal.aborted === true) throw new ExitError(INTERRUPTED, "", { cause: error });
      throw error;
    } finally {
      view.finish();
    }
  }

  /** Where progress is shown. */
  async view(
    title: string,
    options: { readonly quiet?: boolean; readonly quietBuild?: boolean } = {},
  ): Promise<ProgressView> {
    const { createView } = await import("./progress/create.ts");
    return createView(this, {
      title,
      mode: options.quiet === true ? "quiet" : this.mode(),
      quietBuild: options.quietBuild === true,
    });
  }

  /** How progress is shown, by the flag and by what standard error is. */
  mode(): ProgressMode {
    switch (this.progress) {
      case "tty":
      case "plain":
      case "json":
      case "quiet":
        return this.progress;
      case "none":
        return "quiet";
      default:
        return this.ansi !== "never" && colours.isTerminal(2) ? "tty" : "plain";
    }
  }

  /** Colours for a descriptor: where it is a terminal, or where they are forced. */
  colours(descriptor: 1 | 2): Colours {
    if ((this.cli.env["NO_COLOR"] ?? "") !== "" || this.ansi === "never") return colours.none;
    return this.ansi === "always" || colours.isTerminal(descriptor) ? colours.ansi : colours.none;
  }

  warn(message: string): void {
    this.cli.note(this.warning(message));
  }

  /** A warning, as Docker Compose writes it. */
  warning(message: string): string {
    return warningLine(message, this.progress === "json", () => this.colours(2));
  }

  /** How things are to be shown. @throws where that makes no sense. */
  #readDisplay(): Display {
    const ansi = ansiMode(this.#flags, this.#isAnsiGiven, this.variable("COMPOSE_ANSI"));
    const progress = this.#flags.progress || (this.variable("COMPOSE_PROGRESS") ?? "");
    if (!PROGRESS_MODES.includes(progress)) {
      throw new Error(`unsupported --progress value ${JSON.stringify(progress)}`);
    }
    if (progress === "tty" && ansi === "never") {
      throw new Error("can't use --progress tty while ANSI support is disabled");
    }
    if (progress === "plain" && ansi === "always") {
      throw new Error("can't use --progress plain while ANSI support is forced");
    }
    return { progress, ansi };
  }

  #checkCompatibility(): void {
    if (!this.compatibility) return;
    throw new Error(
      "--compatibility names containers shop_web_1, which neither tool finds again without it: call this command without --compatibility and COMPOSE_COMPATIBILITY",
    );
  }
}

/** Aborts at the first SIGINT or SIGTERM; the next ends the process. */
export class Interruption implements Disposable {
  readonly #controller = new AbortController();
  readonly #listener = () => {
    if (this.#controller.signal.aborted) process.exit(INTERRUPTED);
    this.#controller.abort(new ExitError(INTERRUPTED));
  };

  constructor() {
    for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, this.#listener);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  [Symbol.dispose](): void {
    for (const name of ["SIGINT", "SIGTERM"] as const) process.off(name, this.#listener);
  }
}

function ansiMode(
  flags: Values<typeof COMPOSE_FLAGS>,
  isGiven: boolean,
  variable: string | undefined,
): string {
  if (flags["no-ansi"]) {
    if (flags.ansi !== "auto") {
      throw new Error('cannot specify DEPRECATED "--no-ansi" and "--ansi". Please use only "--ansi"');
    }
    return "never";
  }
  const said = isGiven ? flags.ansi : variable || flags.ansi;
  if (!ANSI_MODES.includes(said)) throw new Error(`unsupported --ansi value ${JSON.stringify(said)}`);
  return said;
}

function parallelLimit(cli: Cli, flag: number, isGiven: boolean): number {
  const variable = cli.env["COMPOSE_PARALLEL_LIMIT"];
  if (isGiven || variable === undefined || variable === "") return flag;
  try {
    return parseDecimal(variable);
  } catch (cause) {
    throw new Error(`COMPOSE_PARALLEL_LIMIT must be an integer (found: ${JSON.stringify(variable)})`, {
      cause,
    });
  }
}

function isSet(value: string | undefined): boolean {
  try {
    return value !== undefined && value !== "" && parseBool(value);
  } catch {
    return false;
  }
}
