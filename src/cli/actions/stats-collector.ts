import type { Engine, Filters } from "../../sdk/index.ts";
import type { ContainerStats } from "../../wire/index.ts";
import { joinErrors } from "../errors.ts";
import type { StatsSample } from "../lists/stats.ts";

/** A container that gives no sample for so long is shown without numbers. */
const PATIENCE_MS = 2_000;

interface Watched {
  readonly ref: string;
  sample: StatsSample;
  failure?: unknown;
  over: boolean;
}

/** Samples of several containers at once; without names, of all that run, as they come and go. */
export class StatsCollector {
  readonly #engine: Engine;
  readonly #stream: boolean;
  readonly #all: boolean;
  readonly #labels: readonly string[];
  readonly #watched = new Map<string, Watched>();
  #followsEvents = false;

  /** @param options.labels only containers with these, where none are named. */
  constructor(engine: Engine, options: { stream: boolean; all: boolean; labels?: readonly string[] }) {
    this.#engine = engine;
    this.#labels = options.labels ?? [];
    this.#stream = options.stream;
    this.#all = options.all;
  }

  /** Resolves when each container has given a sample, or was given time to. */
  async collect(refs: readonly string[]): Promise<void> {
    if (refs.length > 0) {
      await Promise.all(refs.map((ref) => this.#watch(ref)));
      joinErrors(
        [...this.#watched.values()].flatMap(({ failure }) => (failure === undefined ? [] : [failure])),
      );
      return;
    }
    // Watched before the list is read, so that none is missed in between.
    if (this.#stream) await this.#followEvents();
    const containers = await this.#engine.containers.list({ all: this.#all, filters: this.#filters() });
    await Promise.all(containers.map(({ Id }) => this.#watch(Id.slice(0, 12))));
  }

  samples(): StatsSample[] {
    return [...this.#watched.values()].map(({ sample }) => sample);
  }

  /** Nothing will change any more. */
  isOver(): boolean {
    return !this.#followsEvents && [...this.#watched.values()].every(({ over }) => over);
  }

  #filters(): Filters {
    return this.#labels.length === 0 ? {} : { label: this.#labels };
  }

  async #watch(ref: string): Promise<void> {
    if (this.#watched.has(ref)) return;
    const watched: Watched = { ref, sample: unknownSample(ref), over: false };
    this.#watched.set(ref, watched);
    const first = Promise.withResolvers<void>();
    void this.#read(watched, () => first.resolve())
      .catch((error: unknown) => {
        watched.failure = error;
      })
      .finally(() => {
        watched.over = true;
        if (this.#stream) watched.sample = { ...watched.sample, use: undefined };
        first.resolve();
      });
    await Promise.race([first.promise, Bun.sleep(PATIENCE_MS)]);
  }

  async #read(watched: Watched, onSample: () => void): Promise<void> {
    for await (const stats of this.#engine.containers.stats(watched.ref, { stream: this.#stream })) {
      watched.sample = sampleOf(watched.ref, stats);
      onSample();
    }
  }

  async #followEvents(): Promise<void> {
    const filters = {
      ...this.#filters(),
      type: ["container"],
      event: ["start", "create", "die", "destroy"],
    };
    const lines = await this.#engine.system.eventLines({ filters });
    this.#followsEvents = true;
    void this.#apply(lines).catch(() => {
      this.#followsEvents = false;
    });
  }

  async #apply(lines: AsyncIterable<string>): Promise<void> {
    for await (const line of lines) {
      const { Action, Actor } = JSON.parse(line) as { Action: string; Actor: { ID: string } };
      const id = Actor.ID.slice(0, 12);
      if (Action === "start" || (Action === "create" && this.#all)) {
        if (this.#watched.get(id)?.over === true) this.#watched.delete(id);
        void this.#watch(id);
      } else if (Action === "destroy" || (Action === "die" && !this.#all)) {
        this.#watched.delete(id);
      }
    }
    this.#followsEvents = false;
  }
}

function unknownSample(container: string): StatsSample {
  return { container, id: "", name: "", use: undefined };
}

/** Docker's client computes these from two readings that the engine sends together. */
export function sampleOf(container: string, stats: ContainerStats): StatsSample {
  const memory = usedMemory(stats);
  const limit = stats.memory_stats.limit ?? 0;
  const networks = Object.values(stats.networks ?? {});
  const blocks = stats.blkio_stats.io_service_bytes_recursive ?? [];
  const sum = (numbers: readonly number[]) => numbers.reduce((total, each) => total + each, 0);
  const bytesOf = (letter: string) =>
    sum(blocks.filter(({ op }) => op.toLowerCase().startsWith(letter)).map(({ value }) => value));
  return {
    container,
    id: stats.id ?? "",
    name: stats.name ?? "",
    use: {
      cpuPercent: cpuPercent(stats),
      memoryBytes: memory,
      memoryLimitBytes: limit,
      memoryPercent: limit === 0 ? 0 : (memory / limit) * 100,
      receivedBytes: sum(networks.map(({ rx_bytes }) => rx_bytes)),
      sentBytes: sum(networks.map(({ tx_bytes }) => tx_bytes)),
      readBytes: bytesOf("r"),
      writtenBytes: bytesOf("w"),
      pids: stats.pids_stats.current ?? 0,
    },
  };
}

/** The share of all CPUs' time that the container had, in percent of one CPU. */
function cpuPercent({ cpu_stats: now, precpu_stats: before }: ContainerStats): number {
  const used = now.cpu_usage.total_usage - before.cpu_usage.total_usage;
  const passed = (now.system_cpu_usage ?? 0) - (before.system_cpu_usage ?? 0);
  const cpus = now.online_cpus || now.cpu_usage.percpu_usage?.length || 0;
  return used > 0 && passed > 0 ? (used / passed) * cpus * 100 : 0;
}

/** Without the page cache that can be given back at once; cgroup v1 and v2 name it differently. */
function usedMemory({ memory_stats: { usage, stats } }: ContainerStats): number {
  const used = usage ?? 0;
  const cache = stats?.["total_inactive_file"] ?? stats?.["inactive_file"] ?? 0;
  return cache < used ? used - cache : used;
}
