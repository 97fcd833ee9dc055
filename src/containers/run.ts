import type { ContainerExit } from "../runtime/index.ts";

/** One stretch of a container's life, from a start to the exit that follows. */
export class Run {
  readonly id: string;
  /** How it ended; never rejects. */
  readonly exited: Promise<ContainerExit>;
  exit: ContainerExit | undefined;
  /** The record tells of the end and all that the run held was given back; never rejects. */
  readonly settled: Promise<void>;
  /** Somebody wants it ended for good: whatever the policy says, it is not restarted. */
  final = false;
  /** It ends only to be started again by `restart`: `--rm` waits. */
  restarting = false;
  /** A signal that is being sent: it is told before the end that it brings about. */
  signalling: Promise<unknown> = Promise.resolve();
  reportSettled!: () => void;
  #reportExit!: (exit: ContainerExit) => void;

  constructor(id: string) {
    this.id = id;
    this.exited = new Promise((resolve) => {
      this.#reportExit = resolve;
    });
    this.settled = new Promise((resolve) => {
      this.reportSettled = resolve;
    });
  }

  reportExit(exit: ContainerExit): void {
    this.exit ??= exit;
    this.#reportExit(exit);
  }
}

/** The runs that have not been settled, by container. */
export class Runs {
  readonly #byId = new Map<string, Run>();

  begin(id: string): Run {
    const run = new Run(id);
    this.#byId.set(id, run);
    return run;
  }

  get(id: string): Run | undefined {
    return this.#byId.get(id);
  }

  end(run: Run): void {
    if (this.#byId.get(run.id) === run) this.#byId.delete(run.id);
    run.reportSettled();
  }

  get size(): number {
    return this.#byId.size;
  }
}
