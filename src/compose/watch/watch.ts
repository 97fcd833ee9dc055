import { messageOf, notFound } from "../../lib/index.ts";
import { type Application, serviceNamed } from "../application.ts";
import type { Project } from "../project/index.ts";
import { type ActionOptions, batchOf, carryOut, listOf } from "./actions.ts";
import { Batches } from "./batches.ts";
import { lockWatch } from "./lock.ts";
import { below } from "./patterns.ts";
import { rulesOf, type WatchRule } from "./rule.ts";
import { Sync, type SyncedFile } from "./sync.ts";
import { WatchedTree } from "./tree.ts";

export interface WatchOptions extends ActionOptions {
  /** Only these; all where there are none. */
  readonly services?: readonly string[];
  readonly noBuild?: boolean;
}

/** A watch that is going on. It ends by the application's signal, or when it is disposed of. */
export interface Watching extends AsyncDisposable {
  /** How many folders are looked after. */
  readonly folderCount: number;
  /** Resolves when it has ended, and all that it was doing. */
  readonly ended: Promise<void>;
}

/** Whether one of the services says what is to be watched. */
export function canWatch(project: Project, services: readonly string[] = []): boolean {
  const names = services.length === 0 ? Object.keys(project.services) : services;
  return names.some((name) => (project.services[name]?.develop?.watch ?? []).length > 0);
}

/**
 * The project as `watch` brings it up: what is built here and watched is built anew. For `up` before the watch.
 */
export function projectToWatch(project: Project): Project {
  const services = Object.fromEntries(
    Object.entries(project.services).map(([name, service]) =>
      service.build !== undefined && service.develop
        ? [name, { ...service, pull_policy: "build" }]
        : [name, service],
    ),
  );
  return { ...project, services: Object.assign(Object.create(null), services) };
}

/**
 * Watches the files that services name in `develop.watch`, and does what they say when files change. Resolves when all is
 * watched, and the files that are to be copied at first are in their containers.
 *
 * @throws NotFound where no service says what is to be watched; InvalidParameter for a rule that makes no sense; Conflict
 *   where another process watches the project.
 */
export async function watch(app: Application, options: WatchOptions): Promise<Watching> {
  const { project, report } = app;
  const names = options.services?.length ? options.services : Object.keys(project.services);
  const watched = names
    .map((name) => serviceNamed(project, name))
    .filter((service) => (service.develop?.watch ?? []).length > 0);
  const rules = watched.flatMap((service) =>
    rulesOf(service, { noBuild: options.noBuild, warn: (message) => report.warn(message) }),
  );
  if (rules.length === 0) {
    throw notFound(
      "none of the selected services is configured for watch, consider setting a 'develop' section",
    );
  }
  const lock = lockWatch(app.engine, project.name);
  try {
    const watching = new Watcher(app, rules, options);
    await watching.start();
    void watching.ended.then(() => lock[Symbol.dispose]());
    return watching;
  } catch (error) {
    lock[Symbol.dispose]();
    throw error;
  }
}

class Watcher implements Watching {
  readonly ended: Promise<void>;
  readonly #app: Application;
  readonly #rules: readonly WatchRule[];
  readonly #options: WatchOptions;
  readonly #sync: Sync;
  readonly #batches = new Batches(() => this.#handle());
  readonly #stop = new AbortController();
  readonly #end = Promise.withResolvers<void>();
  #tree: WatchedTree | undefined;
  /** The first copy; what changes meanwhile comes behind it. */
  #first: Promise<void> = Promise.resolve();

  constructor(app: Application, rules: readonly WatchRule[], options: WatchOptions) {
    const { signal } = this.#stop;
    this.#app = { ...app, signal: app.signal === undefined ? signal : AbortSignal.any([app.signal, signal]) };
    this.#rules = rules;
    this.#options = options;
    this.#sync = new Sync(this.#app);
    this.ended = this.#end.promise;
  }

  get folderCount(): number {
    return this.#tree?.folderCount ?? 0;
  }

  async start(): Promise<void> {
    const { signal } = this.#app;
    signal?.throwIfAborted();
    const wanted = (path: string, isDirectory: boolean) =>
      this.#rules.some((rule) => rule.matches(path) || (isDirectory && rule.mayMatchBelow(path)));
    const tree = new WatchedTree(outermost(this.#rules), wanted, () => this.#batches.touch());
    this.#tree = tree;
    this.#first = this.#copyAtFirst(tree);
    try {
      await this.#first;
    } catch (error) {
      this.#close();
      throw error;
    }
    this.#options.onEvent({ kind: "enabled", services: this.#services(), text: "Watch enabled" });
    signal?.addEventListener("abort", () => void this.#finish(), { once: true });
    if (signal?.aborted === true) await this.#finish();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.ended;
  }

  /** `initial_sync`: what is there already. */
  async #copyAtFirst(tree: WatchedTree): Promise<void> {
    const first = this.#rules.filter(({ syncs, watch: { initial_sync } }) => syncs && initial_sync === true);
    if (first.length === 0) return;
    const files = new Map<string, SyncedFile[]>();
    for (const path of tree.files()) {
      for (const rule of first) {
        if (!rule.matches(path)) continue;
        listOf(files, rule.service).push({ path, target: rule.targetOf(path), removed: false });
      }
    }
    await Promise.all([...files].map(([service, list]) => this.#sync.run(service, list)));
  }

  /** One batch. It does not fail. */
  async #handle(): Promise<void> {
    const { onEvent } = this.#options;
    try {
      await this.#first;
      const changes = this.#tree?.changes() ?? [];
      if (changes.length === 0 || this.#app.signal?.aborted === true) return;
      await carryOut(this.#app, this.#sync, batchOf(this.#rules, changes), this.#options);
    } catch (error) {
      if (this.#app.signal?.aborted === true) return;
      onEvent({ kind: "failed", services: [], text: `Error handling changed files: ${messageOf(error)}` });
    }
  }

  #services(): string[] {
    return [...new Set(this.#rules.map(({ service }) => service))];
  }

  #close(): void {
    this.#batches[Symbol.dispose]();
    this.#tree?.[Symbol.dispose]();
  }

  async #finish(): Promise<void> {
    this.#close();
    await this.#batches.settled();
    this.#options.onEvent({ kind: "disabled", services: this.#services(), text: "Watch disabled" });
    this.#end.resolve();
  }
}

/** The rules' paths without those inside others. */
function outermost(rules: readonly WatchRule[]): string[] {
  const paths = [...new Set(rules.map(({ path }) => path))];
  return paths.filter((path) => !paths.some((other) => other !== path && below(other, path) !== undefined));
}
