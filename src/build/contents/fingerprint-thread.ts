import { log, workerUrl } from "../../lib/index.ts";
import { cpuCount, type RootDir, scanPath } from "../../linux/index.ts";
import { type FingerprintAnswer, type FingerprintJob, FolderStates } from "./fingerprint-job.ts";

/** Fewer folders are looked at before the thread has woken up. */
const FOLDERS_MIN = 16;
const FOLDERS_MAX = 5_000;
const WALKS_MAX = 16;
/** What is told is used so long after the help began: a step that runs meanwhile may take hours, in which people work on. */
const USED_MS = 1_000;

/** What the thread was asked for. */
interface FingerprintWork {
  readonly states: FolderStates;
  /** Of the folders, by their paths. */
  readonly indexes: ReadonlyMap<string, number>;
  readonly ended: Promise<void>;
}

/**
 * Most of what a build costs of which nothing changed is a look at each file of its context. The thread does so from the last folder
 * on, beginning when the build does, while the main thread comes to the first one a little later. It starts behind a build with many
 * folders, for the next one; then it stays, and costs some 10 MB.
 */
class FingerprintThread {
  readonly #worker = new Worker(workerUrl("build/contents/fingerprint.worker"), { smol: true, ref: false });
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

  /** Begins with folders of a tree. */
  begin(root: RootDir, paths: readonly string[]): FingerprintWork {
    const job = ++this.#jobs;
    const shared = FolderStates.memoryFor(paths.length);
    // The thread may still be at work when the build has ended.
    const own = root.subRoot("");
    const ended = Promise.withResolvers<void>();
    this.#working.set(job, { root: own, end: ended.resolve });
    this.#worker.postMessage({ job, rootFd: own.fd, paths, shared } satisfies FingerprintJob);
    const indexes = new Map(paths.map((path, index) => [path, index]));
    return { states: new FolderStates(shared), indexes, ended: ended.promise };
  }

  #ended(job: number): void {
    const work = this.#working.get(job);
    this.#working.delete(job);
    work?.root.close();
    work?.end();
  }
}

let thread: FingerprintThread | undefined;
/** Folders of trees that were looked at, in order, by their tops; the least recent first. */
const walks = new Map<string, readonly string[]>();

/** Has the thread look at those folders of a tree that were looked at the last time. Belongs to one build. */
export class FolderHelp implements Disposable {
  readonly #top: string;
  readonly #work: FingerprintWork | undefined;
  readonly #nowMs: () => number;
  readonly #usedUntilMs: number;
  /** Folders that were asked about. */
  readonly #asked = new Set<string>();

  constructor(root: RootDir, nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
    this.#top = scanPath(root, "")!.fileId;
    const paths = walks.get(this.#top);
    const isThere = thread !== undefined && !thread.isBroken;
    this.#work = paths !== undefined && isThere ? thread!.begin(root, paths) : undefined;
    this.#usedUntilMs = nowMs() + USED_MS;
  }

  /** Resolves when the thread does no more. */
  get ended(): Promise<void> {
    return this.#work?.ended ?? Promise.resolve();
  }

  /** A folder's fingerprint, taken a moment ago; undefined: it is to be taken here. */
  take(path: string): string | undefined {
    this.#asked.add(path);
    const { indexes, states } = this.#work ?? {};
    const index = indexes?.get(path);
    // What the thread is at just now may take it longer than us.
    if (states === undefined || index === undefined || states.claim(index)) return undefined;
    return this.#nowMs() < this.#usedUntilMs ? states.told(index) : undefined;
  }

  [Symbol.dispose](): void {
    this.#work?.states.claimAll();
    if (this.#asked.size > 0) remember(this.#top, [...this.#asked]);
  }
}

/** For the next time. */
function remember(top: string, paths: readonly string[]): void {
  walks.delete(top);
  if (paths.length < FOLDERS_MIN || paths.length > FOLDERS_MAX || cpuCount() < 2) return;
  walks.set(top, paths);
  if (walks.size > WALKS_MAX) walks.delete(walks.keys().next().value!);
  thread ??= new FingerprintThread();
}
