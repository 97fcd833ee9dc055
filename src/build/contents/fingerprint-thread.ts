import { log } from "../../lib/index.ts";
import { cpuCount, type RootDir } from "../../linux/index.ts";
import { type FingerprintAnswer, type FingerprintJob, FolderStates } from "./fingerprint-job.ts";

/** Fewer folders are looked at before the thread has woken up. */
const FOLDERS_MIN = 16;
const WALKS_MAX = 64;
const FOLDERS_MAX = 10_000;

/** What the thread finds out of a walk, for as long as the walk goes on. */
export interface FolderHelp extends Disposable {
  /** The folder's fingerprint, taken since the help began; undefined: it is to be taken here. */
  take(path: string): string | undefined;
  /** Resolves when the thread does no more for it. */
  readonly ended: Promise<void>;
}

/**
 * Most of what a build costs of which nothing changed is a look at each file of its context. The thread does so from the last folder
 * on, while the main thread begins with the first, which takes half of the time where there is a processor to spare. It starts
 * when a walk through many folders has come to its end, for the next one; then it stays, and costs some 10 MB.
 */
class FingerprintThread {
  readonly #worker = new Worker(workerUrl(), { smol: true, ref: false });
  /** What the thread works on, by job. */
  readonly #working = new Map<number, { readonly root: RootDir; readonly end: () => void }>();
  #jobs = 0;
  isBroken = false;

  constructor() {
    this.#worker.addEventListener("message", ({ data }: MessageEvent<FingerprintAnswer>) =>
      this.#ended(data.job),
    );
    this.#worker.addEventListener("error", (event) => {
      log.warn("the thread that helps to look at builds' contexts failed", { error: event.message });
      this.isBroken = true;
      for (const job of [...this.#working.keys()]) this.#ended(job);
    });
  }

  help(root: RootDir, paths: readonly string[]): FolderHelp {
    const job = ++this.#jobs;
    const shared = FolderStates.memoryFor(paths.length);
    const states = new FolderStates(shared);
    const indexes = new Map(paths.map((path, index) => [path, index]));
    // The thread may still be at work when the build has ended.
    const own = root.subRoot("");
    const ended = Promise.withResolvers<void>();
    this.#working.set(job, { root: own, end: ended.resolve });
    this.#worker.postMessage({ job, rootFd: own.fd, paths, shared } satisfies FingerprintJob);
    return {
      take: (path) => {
        const index = indexes.get(path);
        // What it is just about to take, it may take longer for than we do.
        return index === undefined || states.claim(index) ? undefined : states.told(index);
      },
      ended: ended.promise,
      [Symbol.dispose]: () => states.claimAll(),
    };
  }

  #ended(job: number): void {
    const work = this.#working.get(job);
    this.#working.delete(job);
    work?.root.close();
    work?.end();
  }
}

/** In the executable all files that are entries of their own lie under one root, without their types. */
function workerUrl(): string | URL {
  return import.meta.url.includes("/$bunfs/")
    ? "/$bunfs/root/build/contents/fingerprint.worker.js"
    : new URL("./fingerprint.worker.ts", import.meta.url);
}

let thread: FingerprintThread | undefined;
/** Folders that were gone through the last time, in order; the least recent walk first. */
const walks = new Map<string, readonly string[]>();

/** Undefined where there is nobody to help, or nothing that is worth it. @param walk tells this walk from others */
export function helpWith(walk: string, root: RootDir): FolderHelp | undefined {
  const paths = walks.get(walk);
  return paths === undefined || thread === undefined || thread.isBroken
    ? undefined
    : thread.help(root, paths);
}

/** For the next time. */
export function rememberWalk(walk: string, paths: readonly string[]): void {
  walks.delete(walk);
  if (paths.length < FOLDERS_MIN || paths.length > FOLDERS_MAX || cpuCount() < 2) return;
  walks.set(walk, paths);
  if (walks.size > WALKS_MAX) walks.delete(walks.keys().next().value!);
  thread ??= new FingerprintThread();
}
