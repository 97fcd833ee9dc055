import type { Application, observe, Project, ServiceContainer, UpOptions } from "../../../compose/index.ts";
import { colours } from "../colours.ts";
import { HookPrinter, shortName } from "../output/hook-printer.ts";
import { LogFollower } from "../output/log-follower.ts";
import { LogPrinter } from "../output/log-printer.ts";
import { Prefixes } from "../output/prefixes.ts";
import type { ProgressView } from "../progress/view.ts";
import { compose, INTERRUPTED, type Session } from "../session.ts";
import { attachChoice } from "./attach-choice.ts";
import { Console } from "./console.ts";
import { Watching } from "./watching.ts";

/** What `up` was told of its output, and of its end. */
export interface AttachedFlags {
  readonly "abort-on-container-exit": boolean;
  readonly "abort-on-container-failure": boolean;
  readonly attach: readonly string[];
  readonly "attach-dependencies": boolean;
  readonly "exit-code-from": string;
  /** Undefined: as `COMPOSE_MENU` says. */
  readonly menu: boolean | undefined;
  readonly "no-attach": readonly string[];
  readonly "no-color": boolean;
  readonly "no-log-prefix": boolean;
  readonly "quiet-build": boolean;
  readonly timestamps: boolean;
  readonly watch: boolean;
}

/**
 * `up` with the containers' output on this terminal: attached before any is started, so that nothing is missed. It ends
 * when all containers have ended, or are left with a key; an interruption stops them, a second one kills them.
 * @returns the exit code.
 */
export async function attachedUp(
  session: Session,
  project: Project,
  options: UpOptions,
  flags: AttachedFlags,
): Promise<number> {
  const view = await session.view("up", { quietBuild: flags["quiet-build"] });
  try {
    return await new AttachedUp(session, project, options, flags, view).run();
  } finally {
    view.finish();
  }
}

/** What the engine tells of containers may come this much later than they were stopped. */
const LAST_EVENTS_MS = 1_000;

class AttachedUp {
  readonly #session: Session;
  readonly #project: Project;
  readonly #options: UpOptions;
  readonly #flags: AttachedFlags;
  readonly #view: ProgressView;
  readonly #console: Console;
  readonly #printer: LogPrinter;
  readonly #hooks: HookPrinter;
  readonly #watching: Watching;
  /** Ends `up` itself. */
  readonly #starting = new AbortController();
  /** Ends what is shown. */
  readonly #showing = new AbortController();
  readonly #stopDemanded = Promise.withResolvers<void>();
  #follower: LogFollower | undefined;
  #following: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;
  #interruptions = 0;
  #isDetached = false;
  #exitCode = 0;
  #isCodeKnown = false;

  constructor(
    session: Session,
    project: Project,
    options: UpOptions,
    flags: AttachedFlags,
    view: ProgressView,
  ) {
    this.#session = session;
    this.#project = project;
    this.#options = options;
    this.#flags = flags;
    this.#view = view;
    this.#console = new Console(session, flags.menu);
    const painted = (descriptor: 1 | 2) => (flags["no-color"] ? colours.none : session.colours(descriptor));
    const prefixes = new Prefixes({
      isShown: !flags["no-log-prefix"],
      colours: { 1: painted(1), 2: painted(2) },
    });
    const { timestamps } = flags;
    this.#printer = new LogPrinter({ prefixes, writer: this.#console, timestamps, split: true });
    this.#hooks = new HookPrinter(this.#printer, project.name);
    this.#watching = new Watching(this.#console, this.#hooks);
  }

  async run(): Promise<number> {
    const interrupted = () => this.#interrupt();
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, interrupted);
    try {
      return await this.#run();
    } finally {
      for (const signal of ["SIGINT", "SIGTERM"] as const) process.off(signal, interrupted);
      this.#showing.abort();
      await this.#console.close();
    }
  }

  async #run(): Promise<number> {
    const { up } = await compose();
    const app = await this.#application(this.#starting.signal);
    try {
      await up(app, {
        ...this.#options,
        onCreated: (containers) => this.#attach(app, containers),
        onHookOutput: (container, bytes) => this.#hooks.print(container, bytes),
      });
      if (this.#flags.watch) await this.#watch(app);
    } catch (error) {
      // What is being stopped, or left, need not start.
      if (this.#stopping === undefined && !this.#isDetached) {
        if (this.#interruptions > 0) return INTERRUPTED;
        throw error;
      }
    }
    await Promise.race([this.#following, this.#stopped()]);
    await this.#stopping;
    await this.#watching.stop();
    this.#showing.abort();
    await this.#follower?.finished();
    if (this.#exitCode !== 0) return this.#exitCode;
    return this.#interruptions > 0 ? INTERRUPTED : 0;
  }

  /** Resolves when all were stopped on demand; those that had not been started have no end to wait for. */
  async #stopped(): Promise<void> {
    await this.#stopDemanded.promise;
    await this.#stopping?.catch(() => {});
    await Bun.sleep(LAST_EVENTS_MS);
  }

  async #watch(app: Application): Promise<void> {
    await this.#watching.start({ ...app, signal: this.#showing.signal }, this.#options.services ?? []);
    this.#console.setWatching(true);
  }

  async #application(signal?: AbortSignal): Promise<Application> {
    const engine = await this.#session.engine();
    return {
      engine,
      project: this.#project,
      report: this.#view,
      dryRun: false,
      ...(signal !== undefined && { signal }),
    };
  }

  /** All are made, none is started: now nothing of theirs is missed. */
  async #attach(app: Application, containers: readonly ServiceContainer[]): Promise<void> {
    this.#view.besideOutput((text) => this.#console.note(text));
    const { canWatch, observe } = await compose();
    const { engine, project } = app;
    const signal = this.#showing.signal;
    const named = this.#options.services ?? [];
    const chosen = attachChoice(project, named, this.#flags);
    const shown = containers.filter(({ service }) => chosen.has(service)).sort(byName);
    const follower = new LogFollower({
      ...{ engine, printer: this.#printer, signal },
      logs: {},
      warn: (message) => this.#view.warn(message),
      onFailure: () => this.#detach(),
    });
    this.#follower = follower;
    const nameOf = (container: ServiceContainer) => shortName(project.name, container);
    if (shown.length > 0) await this.#console.line(`Attaching to ${shown.map(nameOf).join(", ")}`);
    this.#printer.register(shown.map(nameOf));
    // Who wants to know of an end wants to know of every one.
    const services = named.length > 0 || this.#endsTogether() ? named : [...chosen];
    const [life] = await Promise.all([
      observe.watchProject(engine, project.name, { services, signal }),
      ...shown.map((container) =>
        follower.attach(container.id, nameOf(container), async () => {
          const tty = project.services[container.service]?.tty === true;
          const stream = await engine.containers.attach(container.id, {
            tty,
            stdout: true,
            stderr: true,
            signal,
          });
          return stream.output;
        }),
      ),
    ]);
    this.#following = this.#follow(app, follower, life, chosen);
    // Until somebody waits for it, its failure is nobody's.
    this.#following.catch(() => {});
    const watched = { ...app, signal };
    this.#console.showMenu({
      detach: () => this.#detach(),
      ...(canWatch(project, named) && { watch: () => this.#watching.toggle(watched, named) }),
    });
  }

  async #follow(
    app: Application,
    follower: LogFollower,
    life: AsyncIterable<observe.LifeEvent>,
    chosen: ReadonlySet<string>,
  ): Promise<void> {
    try {
      for await (const event of life) {
        if (chosen.has(event.service)) follower.turn(event);
        if (event.kind === "exited") this.#ended(app, event);
      }
    } catch (error) {
      if (!this.#showing.signal.aborted) throw error;
    }
  }

  #endsTogether(): boolean {
    const flags = this.#flags;
    return (
      flags["abort-on-container-exit"] ||
      flags["abort-on-container-failure"] ||
      flags["exit-code-from"] !== ""
    );
  }

  /** `--abort-on-container-exit` and its like. */
  #ended(app: Application, { service, exitCode }: observe.LifeEvent): void {
    const { "exit-code-from": codeFrom } = this.#flags;
    const onFailure = this.#flags["abort-on-container-failure"];
    const onExit = this.#flags["abort-on-container-exit"] || (codeFrom !== "" && !onFailure);
    const stops = onExit || (onFailure && exitCode !== 0);
    if (codeFrom === service && !this.#isCodeKnown) {
      this.#exitCode = exitCode;
      this.#isCodeKnown = true;
    } else if (stops && codeFrom === "" && !this.#isCodeKnown) {
      this.#exitCode = exitCode;
      this.#isCodeKnown = true;
    }
    if (stops && this.#stopping === undefined) this.#stop(app, "Aborting on container exit...");
  }

  #interrupt(): void {
    this.#interruptions++;
    if (this.#following === undefined) {
      // Nothing runs yet; whoever insists need not wait.
      if (this.#interruptions > 1) process.exit(INTERRUPTED);
      this.#starting.abort();
      return;
    }
    void this.#application().then((app) => {
      if (this.#interruptions === 1) this.#stop(app, "Gracefully Stopping... press Ctrl+C again to force");
      else if (this.#interruptions === 2) this.#kill(app);
      else process.exit(INTERRUPTED);
    });
  }

  #stop(app: Application, why: string): void {
    this.#starting.abort();
    this.#stopDemanded.resolve();
    this.#console.hideMenu();
    this.#view.progress({ id: "Compose", status: "working", text: "Stopping", detail: why });
    const { timeoutSeconds, services = [] } = this.#options;
    this.#stopping ??= compose().then(({ stop }) =>
      stop({ ...withoutSignal(app) }, services, {
        ...(timeoutSeconds !== undefined && { timeoutSeconds }),
        onHookOutput: (container, bytes) => this.#hooks.print(container, bytes),
      }),
    );
    this.#stopping.catch(() => {});
  }

  #kill(app: Application): void {
    const before = this.#stopping;
    this.#stopping = compose()
      .then(({ kill }) => kill(withoutSignal(app), this.#options.services ?? []))
      // They may have ended of themselves meanwhile.
      .catch(() => {})
      .then(() => before?.catch(() => {}));
  }

  /** The containers run on. */
  #detach(): void {
    this.#isDetached = true;
    this.#starting.abort();
    this.#showing.abort();
  }
}

function withoutSignal({ signal: _, ...app }: Application): Application {
  return app;
}

function byName(a: ServiceContainer, b: ServiceContainer): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}
