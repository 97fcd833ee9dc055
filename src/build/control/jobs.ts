import {
  type FrontendRequest,
  GrpcError,
  GrpcStatus,
  type ReturnRequest,
  type SolveRequest,
} from "../../lib/buildkit/index.ts";

/** How long a call waits for the build that it names, as BuildKit does. */
const WAIT_MS = 6_000;
const JOBS_MAX = 1_000;
/** Of what one build tells: who reads it later than it is told gets what came before, too. */
const TOLD_BYTES_MAX = 64 << 20;

/** One build, from the moment its client asks for it (`Solve`) to the answer. */
export class Job {
  /** How its client asked for it. */
  readonly request: SolveRequest;
  /** What the frontend was asked for, by the name that its result has. */
  readonly results = new Map<string, FrontendRequest>();
  /** What the client wants of it in the end. */
  readonly returned = Promise.withResolvers<ReturnRequest>();
  readonly #messages: Uint8Array[] = [];
  #bytes = 0;
  #ended = false;
  #wake = Promise.withResolvers<void>();

  constructor(request: SolveRequest) {
    this.request = request;
    this.returned.promise.catch(() => {});
  }

  /** A `StatusResponse`. */
  tell(message: Uint8Array): void {
    if (this.#bytes > TOLD_BYTES_MAX) return;
    this.#bytes += message.length;
    this.#messages.push(message);
    this.#woken();
  }

  end(): void {
    this.#ended = true;
    this.#woken();
  }

  /** All that was told, and is, to the build's end. */
  async *told(signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
    const gone = Promise.withResolvers<void>();
    signal.addEventListener("abort", () => gone.resolve(), { once: true });
    for (let at = 0; !signal.aborted; ) {
      const wake = this.#wake.promise;
      while (at < this.#messages.length && !signal.aborted) yield this.#messages[at++]!;
      if (this.#ended) return;
      await Promise.race([wake, gone.promise]);
    }
  }

  #woken(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers<void>();
  }
}

/** The builds that are under way, by the names that their clients gave them. */
export class Jobs {
  readonly #jobs = new Map<string, Job>();
  readonly #waiting = new Map<string, Set<(job: Job) => void>>();

  /** @throws GrpcError where there is one of this name */
  open(request: SolveRequest): Job {
    const { ref } = request;
    if (!/^[\x21-\x7e]{1,256}$/.test(ref))
      throw new GrpcError(GrpcStatus.invalidArgument, "invalid build ref");
    if (this.#jobs.has(ref)) throw new GrpcError(GrpcStatus.alreadyExists, `job ID ${ref} exists`);
    if (this.#jobs.size >= JOBS_MAX) throw new GrpcError(GrpcStatus.resourceExhausted, "too many builds");
    const job = new Job(request);
    this.#jobs.set(ref, job);
    for (const tell of this.#waiting.get(ref) ?? []) tell(job);
    return job;
  }

  close(job: Job): void {
    job.end();
    this.#jobs.delete(job.request.ref);
  }

  /** The build of this name, which its client may be about to ask for. @throws GrpcError where it does not come */
  async find(ref: string, signal: AbortSignal): Promise<Job> {
    const job = this.#jobs.get(ref);
    if (job !== undefined) return job;
    const { promise, resolve, reject } = Promise.withResolvers<Job>();
    const late = () => reject(new GrpcError(GrpcStatus.notFound, `no such job ${ref}`));
    const timer = setTimeout(late, WAIT_MS);
    const waiting = this.#waiting.get(ref) ?? new Set();
    this.#waiting.set(ref, waiting.add(resolve));
    signal.addEventListener("abort", late, { once: true });
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", late);
      waiting.delete(resolve);
      if (waiting.size === 0) this.#waiting.delete(ref);
    }
  }
}
