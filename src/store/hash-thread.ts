import { log, workerUrl } from "../lib/index.ts";
import type { HashAnswer, HashRequest } from "./hash.worker.ts";

/** The digest of a file, made on another thread while the file is written. */
export interface FileDigest {
  /** The file's first bytes, so many, are written. */
  advance(bytes: number): void;
  /**
   * All is written.
   * @returns the digest in hexadecimal; undefined where the thread could not make it
   */
  finish(bytes: number): Promise<string | undefined>;
}

/**
 * Hashing is what taking in a layer costs most (1.3 GB/s a core). This process's main thread has requests to serve, so a thread
 * of its own reads what was just written, which is still in memory, and hashes it. It serves all files in turn, and stays: it
 * costs some 10 MB.
 */
class HashThread {
  readonly #worker = new Worker(workerUrl("store/hash.worker"), { smol: true, ref: false });
  readonly #waiting = new Map<number, (hex: string | undefined) => void>();
  #jobs = 0;
  #isBroken = false;

  constructor() {
    this.#worker.addEventListener("message", ({ data }: MessageEvent<HashAnswer>) => {
      this.#answer(data.job, data.hex);
    });
    this.#worker.addEventListener("error", (event) => {
      log.warn("digests are made on the main thread: the thread for them failed", { error: event.message });
      this.#isBroken = true;
      for (const job of [...this.#waiting.keys()]) this.#answer(job, undefined);
    });
  }

  begin(path: string): FileDigest {
    const job = ++this.#jobs;
    let finished: Promise<string | undefined> | undefined;
    const ask = (until: number, last: boolean) => {
      if (!this.#isBroken) this.#worker.postMessage({ job, path, until, last } satisfies HashRequest);
    };
    return {
      advance: (bytes) => {
        if (finished === undefined) ask(bytes, false);
      },
      finish: (bytes) => {
        finished ??= new Promise<string | undefined>((resolve) => {
          if (this.#isBroken) return resolve(undefined);
          this.#waiting.set(job, resolve);
          ask(bytes, true);
        });
        return finished;
      },
    };
  }

  #answer(job: number, hex: string | undefined): void {
    const resolve = this.#waiting.get(job);
    this.#waiting.delete(job);
    resolve?.(hex);
  }
}

let thread: HashThread | undefined;

/** Begins with a file that is being written. Must be finished, also where nobody wants to know any more. */
export function digestOfFile(path: string): FileDigest {
  thread ??= new HashThread();
  return thread.begin(path);
}
