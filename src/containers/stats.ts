import { log, messageOf } from "../lib/index.ts";
import type { ContainerStats, CpuStats } from "../wire/index.ts";
import type { Clock, Context } from "./context.ts";
import { type ContainerRecord, hasProcess } from "./record.ts";
import type { StatsOptions } from "./requests.ts";
import { cgroupsPathOf } from "./spec.ts";
import { formatNanoseconds, NEVER } from "./time.ts";

const INTERVAL_MS = 1000;

type Sample = Omit<ContainerStats, "preread" | "precpu_stats">;

const NO_CPU: CpuStats = {
  cpu_usage: { total_usage: 0, usage_in_kernelmode: 0, usage_in_usermode: 0 },
  throttling_data: { periods: 0, throttled_periods: 0, throttled_time: 0 },
};

/**
 * `docker stats`. One-shot: one sample at once. Not streaming: one sample that knows the CPU's use a second
 * before. Streaming: one a second, until the signal aborts or the container is removed.
 */
export async function* containerStats(
  context: Context,
  sampler: StatsSampler,
  record: ContainerRecord,
  options: StatsOptions,
  signal: AbortSignal,
): AsyncGenerator<ContainerStats, void, undefined> {
  if (!options.stream && (options.oneShot || !hasProcess(record))) {
    yield withPrevious(await sampleOf(context, record), undefined);
    return;
  }
  let previous: Sample | undefined;
  let skip = !options.stream;
  for await (const sample of sampler.subscribe(record, signal)) {
    if (skip) skip = false;
    else {
      yield withPrevious(sample, previous);
      if (!options.stream) return;
    }
    previous = sample;
  }
}

function withPrevious(sample: Sample, previous: Sample | undefined): ContainerStats {
  return { ...sample, preread: previous?.read ?? NEVER, precpu_stats: previous?.cpu_stats ?? NO_CPU };
}

/** What a container uses at this moment; all zero where it does not run. */
export async function sampleOf(context: Context, record: ContainerRecord): Promise<Sample> {
  const empty = emptySample(record);
  if (!hasProcess(record)) return empty;
  const { pid } = record.state;
  try {
    const [raw, networks] = await Promise.all([
      context.machine.stats(cgroupsPathOf(context, record)),
      record.host.NetworkMode === "host" ? undefined : context.machine.networkCounters(pid),
    ]);
    return {
      ...empty,
      ...(raw as Pick<ContainerStats, "cpu_stats" | "memory_stats" | "pids_stats" | "blkio_stats">),
      read: formatNanoseconds(context.clock.nanoseconds()),
      ...(networks === undefined ? {} : { networks }),
    };
  } catch (error) {
    // It may have ended while we looked.
    log.debug("no statistics", { container: record.id, error: messageOf(error) });
    return empty;
  }
}

function emptySample(record: ContainerRecord): Sample {
  return {
    id: record.id,
    name: `/${record.name}`,
    os_type: "linux",
    read: NEVER,
    cpu_stats: NO_CPU,
    memory_stats: {},
    pids_stats: {},
    blkio_stats: {
      io_service_bytes_recursive: null,
      io_serviced_recursive: null,
      io_queue_recursive: null,
      io_service_time_recursive: null,
      io_wait_time_recursive: null,
      io_merged_recursive: null,
      io_time_recursive: null,
      sectors_recursive: null,
    },
    num_procs: 0,
    storage_stats: {},
  };
}

interface Subscriber {
  /** Only the newest sample waits: who reads slowly misses some. */
  pending: Sample | undefined;
  wake: (() => void) | undefined;
  ended: boolean;
}

interface Source {
  readonly record: ContainerRecord;
  readonly subscribers: Set<Subscriber>;
}

/** Takes a sample of each watched container every second, however many watch it; none where nobody does. */
export class StatsSampler {
  readonly #clock: Clock;
  readonly #sample: (record: ContainerRecord) => Promise<Sample>;
  readonly #sources = new Map<string, Source>();
  #timer: { cancel(): void } | undefined;

  constructor(clock: Clock, sample: (record: ContainerRecord) => Promise<Sample>) {
    this.#clock = clock;
    this.#sample = sample;
  }

  /** How many containers are watched. */
  get size(): number {
    return this.#sources.size;
  }

  async *subscribe(record: ContainerRecord, signal: AbortSignal): AsyncGenerator<Sample, void, undefined> {
    const subscriber: Subscriber = { pending: undefined, wake: undefined, ended: signal.aborted };
    const source = this.#sources.get(record.id) ?? { record, subscribers: new Set() };
    this.#sources.set(record.id, source);
    source.subscribers.add(subscriber);
    const end = () => {
      subscriber.ended = true;
      subscriber.wake?.();
    };
    signal.addEventListener("abort", end, { once: true });
    try {
      subscriber.pending = await this.#sample(record);
      this.#arm();
      while (!subscriber.ended) {
        const { pending } = subscriber;
        subscriber.pending = undefined;
        if (pending !== undefined) yield pending;
        else {
          await new Promise<void>((resolve) => {
            subscriber.wake = resolve;
          });
          subscriber.wake = undefined;
        }
      }
    } finally {
      signal.removeEventListener("abort", end);
      source.subscribers.delete(subscriber);
      if (source.subscribers.size === 0 && this.#sources.get(record.id) === source) {
        this.#sources.delete(record.id);
      }
      if (this.#sources.size === 0) this.#disarm();
    }
  }

  /** The container is gone: its watchers' streams end. */
  end(id: string): void {
    for (const subscriber of this.#sources.get(id)?.subscribers ?? []) {
      subscriber.ended = true;
      subscriber.wake?.();
    }
  }

  #arm(): void {
    if (this.#sources.size === 0) return;
    this.#timer ??= this.#clock.after(INTERVAL_MS, () => void this.#tick());
  }

  #disarm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  async #tick(): Promise<void> {
    await Promise.all(
      [...this.#sources.values()].map(async ({ record, subscribers }) => {
        const sample = await this.#sample(record);
        for (const subscriber of subscribers) {
          subscriber.pending = sample;
          subscriber.wake?.();
        }
      }),
    );
    this.#timer = undefined;
    this.#arm();
  }
}
