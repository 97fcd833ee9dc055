/**
 * What a build holds while it runs, and what work that it began holds after its end, where another build still waits for
 * that work. It goes with the last of them.
 */
export class Lease {
  readonly #resources = new AsyncDisposableStack();
  #holders = 1;
  #disposed: Promise<void> | undefined;

  /** Goes with the lease, the last first; at once where that is gone. */
  use<T extends Disposable | AsyncDisposable>(resource: T): T {
    if (this.#resources.disposed) {
      void dispose(resource);
      throw new Error("the build has ended");
    }
    return this.#resources.use(resource);
  }

  defer(undo: () => void | Promise<void>): void {
    this.#resources.defer(undo);
  }

  /** Keeps it until the returned function is called. */
  retain(): () => Promise<void> {
    this.#holders++;
    return this.#once();
  }

  /** For who made it. Resolves at once while somebody else keeps it. */
  readonly release: () => Promise<void> = this.#once();

  #once(): () => Promise<void> {
    let isHeld = true;
    return async () => {
      if (!isHeld) return;
      isHeld = false;
      if (--this.#holders > 0) return;
      this.#disposed ??= this.#resources.disposeAsync();
      await this.#disposed;
    };
  }
}

async function dispose(resource: Disposable | AsyncDisposable): Promise<void> {
  if (Symbol.asyncDispose in resource) await resource[Symbol.asyncDispose]();
  else resource[Symbol.dispose]();
}
