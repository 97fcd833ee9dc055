import { availableParallelism } from "node:os";
import { damagedArchive, log, workerUrl } from "../../lib/index.ts";
import {
  type GunzipAnswer,
  type GunzipFailure,
  type GunzipRequest,
  INPUT_BYTES,
  INPUT_SLOTS,
  inputSlot,
  outputSlot,
  SHARED_BYTES,
} from "./slots.ts";

/** Others have work for a processor as well. Each costs some 5 MB while it is there. */
const THREADS_MAX = Math.max(1, Math.min(2, availableParallelism() - 1));
/** One that had nothing to do for so long ends. */
const IDLE_MS = 10_000;

type Ask = (request: GunzipRequest) => void;

/**
 * A library inflates in two thirds of the time that zlib takes, but blocks the thread that calls it: threads of their own do
 * so, and write to the file what is still in the processor's cache. The main thread sees it in memory that both have.
 */
class GunzipThread {
  readonly canInflate: Promise<boolean>;
  readonly #worker = new Worker(workerUrl("linux/gunzip/gunzip.worker"), { smol: true, ref: false });
  readonly #jobs = new Map<number, GunzipJob>();
  /** What jobs have shared with the thread that are over. */
  readonly #memories: SharedArrayBuffer[] = [];
  #requests: GunzipRequest[] = [];
  #idle: NodeJS.Timeout | undefined;

  constructor() {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.canInflate = promise;
    this.#worker.addEventListener("message", ({ data: answers }: MessageEvent<readonly GunzipAnswer[]>) => {
      for (const answer of answers) {
        if ("canInflate" in answer) resolve(answer.canInflate);
        else this.#jobs.get(answer.job)?.hear(answer);
      }
    });
    this.#worker.addEventListener("error", ({ message }) => {
      log.warn("a thread that inflates failed", { error: message });
      resolve(false);
      this.end();
      const failure = { message: `the thread that inflates failed: ${message}`, isDamage: false };
      for (const [job, started] of [...this.#jobs]) started.hear({ job, tell: "ended", failure });
    });
  }

  get load(): number {
    return this.#jobs.size;
  }

  begin(path: string): GunzipJob {
    clearTimeout(this.#idle);
    const id = ++jobs;
    const memory = this.#memories.pop() ?? new SharedArrayBuffer(SHARED_BYTES);
    const job = new GunzipJob(id, memory, (request) => this.#askSoon(request));
    this.#jobs.set(id, job);
    job.begin(path);
    return job;
  }

  /** Neither this thread nor the other looks at the job's memory any more. */
  release({ id, memory }: GunzipJob): void {
    this.#jobs.delete(id);
    this.#memories.push(memory);
    if (this.load === 0) this.#idle = setTimeout(() => this.end(), IDLE_MS).unref();
  }

  /** What is asked in one turn is one message: each costs both threads some 10 µs. */
  #askSoon(request: GunzipRequest): void {
    this.#requests.push(request);
    if (this.#requests.length > 1) return;
    setImmediate(() => {
      this.#worker.postMessage(this.#requests);
      this.#requests = [];
    });
  }

  end(): void {
    clearTimeout(this.#idle);
    threads.delete(this);
    this.#worker.terminate();
  }
}

const threads = new Set<GunzipThread>();
let jobs = 0;
let isAvailable: boolean | undefined;

/** The one with the least to do. */
function gunzipThread(): GunzipThread {
  const [least] = [...threads].sort((a, b) => a.load - b.load);
  if (least !== undefined && (least.load === 0 || threads.size >= THREADS_MAX)) return least;
  const thread = new GunzipThread();
  threads.add(thread);
  return thread;
}

/** Whether `gunzipInto` can be used: the library for it is there. */
export async function canGunzip(): Promise<boolean> {
  if (isAvailable === undefined) {
    const thread = gunzipThread();
    isAvailable = await thread.canInflate;
    if (!isAvailable) thread.end();
  }
  return isAvailable;
}

/**
 * Inflates gzip into a file, which is there and empty, and shows what it has written: each piece holds only until the next is
 * asked for.
 * @throws InvalidParameter as `decompress` does for data that is damaged; what the disk says
 */
export async function* gunzipInto(
  path: string,
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const thread = gunzipThread();
  const job = thread.begin(path);
  let sourceFailed: { readonly error: unknown } | undefined;
  const feeding = job.feed(source).catch((error: unknown) => {
    sourceFailed = { error };
    job.giveUp();
  });
  try {
    yield* job.written();
    if (sourceFailed !== undefined) throw sourceFailed.error;
  } finally {
    await job.giveUp();
    await feeding;
    thread.release(job);
  }
}

class GunzipJob {
  readonly id: number;
  readonly memory: SharedArrayBuffer;
  readonly #ask: Ask;
  readonly #inputs = Array.from({ length: INPUT_SLOTS }, (_, slot) => slot);
  readonly #written: { slot: number; bytes: number }[] = [];
  readonly #ended = Promise.withResolvers<void>();
  #hasEnded = false;
  #failure: GunzipFailure | undefined;
  #wakeFeeder: (() => void) | undefined;
  #wakeReader: (() => void) | undefined;

  constructor(id: number, memory: SharedArrayBuffer, ask: Ask) {
    this.id = id;
    this.memory = memory;
    this.#ask = ask;
  }

  begin(path: string): void {
    this.#ask({ job: this.id, ask: "begin", path, memory: this.memory });
  }

  hear(answer: Extract<GunzipAnswer, { job: number }>): void {
    if (answer.tell === "used") this.#inputs.push(answer.slot);
    else if (answer.tell === "written") this.#written.push(answer);
    else {
      this.#hasEnded = true;
      this.#failure = answer.failure;
      this.#ended.resolve();
    }
    this.#wakeFeeder?.();
    this.#wakeReader?.();
  }

  /** Hands over what comes, until there is no more or nobody wants it. @throws what the source fails with */
  async feed(source: AsyncIterable<Uint8Array>): Promise<void> {
    let filled = 0;
    let slot: number | undefined;
    for await (const chunk of source) {
      for (let at = 0; at < chunk.length; ) {
        slot ??= await this.#freeInput();
        if (slot === undefined) return;
        const part = chunk.subarray(at, at + INPUT_BYTES - filled);
        inputSlot(this.memory, slot).set(part, filled);
        at += part.length;
        filled += part.length;
        if (filled < INPUT_BYTES) continue;
        this.#ask({ job: this.id, ask: "inflate", slot, bytes: filled });
        filled = 0;
        slot = undefined;
      }
    }
    if (slot !== undefined) this.#ask({ job: this.id, ask: "inflate", slot, bytes: filled });
    this.#ask({ job: this.id, ask: "finish" });
  }

  /** @returns undefined where the job has ended */
  async #freeInput(): Promise<number | undefined> {
    while (!this.#hasEnded && this.#inputs.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wakeFeeder = resolve;
      });
    }
    return this.#hasEnded ? undefined : this.#inputs.shift();
  }

  /** @throws InvalidParameter for damaged data, what the disk says */
  async *written(): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      const next = this.#written.shift();
      if (next !== undefined) {
        yield outputSlot(this.memory, next.slot).subarray(0, next.bytes);
        this.#ask({ job: this.id, ask: "go on", slot: next.slot });
      } else if (this.#hasEnded) {
        if (this.#failure !== undefined) throw errorOf(this.#failure);
        return;
      } else {
        await new Promise<void>((resolve) => {
          this.#wakeReader = resolve;
        });
      }
    }
  }

  /** Resolves when nothing more is written to the file. Does nothing where that has ended. */
  giveUp(): Promise<void> {
    if (!this.#hasEnded) this.#ask({ job: this.id, ask: "give up" });
    return this.#ended.promise;
  }
}

function errorOf({ message, isDamage, code }: GunzipFailure): Error {
  const error = Object.assign(new Error(message), code === undefined ? {} : { code });
  return isDamage ? damagedArchive("gzip", error) : error;
}
