import type { StreamInput } from "../lib/index.ts";
import type { ContainerInput } from "../runtime/index.ts";
import type { DetachKeys } from "./attach-keys.ts";

export interface AttachInputOptions {
  readonly isRunning: () => boolean;
  /** True once the container runs, false where it will not any more. */
  readonly running: () => Promise<boolean>;
  readonly open: () => Promise<ContainerInput>;
  /** Called before anything is passed on; disposed of when it has been. */
  readonly onPass: () => Disposable;
  /** Where there is a terminal. */
  readonly keys?: DetachKeys;
  /** The end of this input is the end of the container's (`StdinOnce`, without a terminal). */
  readonly closesContainerInput: boolean;
  readonly onDetach: () => void;
  /** The client closed its side, and the container's stays open: the session is over (moby, `stream.CopyStreams`). */
  readonly onEnd: () => void;
}

/**
 * What an attached client types. It may come before the container runs: then it waits, and its writer with it. What comes after
 * the container's end is dropped, as Docker does.
 */
export class AttachInput implements StreamInput {
  readonly #options: AttachInputOptions;
  #opened: Promise<ContainerInput | undefined> | undefined;
  /** `ended`: nothing more is written, but what was is still on its way. */
  #state: "open" | "ended" | "closed" = "open";

  constructor(options: AttachInputOptions) {
    this.#options = options;
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#state !== "open") return;
    const { keys, onDetach } = this.#options;
    const { pass, detached } = keys?.filter(bytes) ?? { pass: bytes, detached: false };
    if (detached) this.#state = "ended";
    if (pass.length > 0) {
      const input = await this.#input();
      using _passing = this.#options.onPass();
      await input?.write(pass);
    }
    if (!detached) return;
    this.close();
    onDetach();
  }

  end(): void {
    if (this.#state !== "open") return;
    this.#state = "ended";
    if (this.#options.closesContainerInput) {
      void this.#input().then((input) => {
        using _passing = this.#options.onPass();
        input?.end();
      });
    } else {
      this.close();
      this.#options.onEnd();
    }
  }

  /**
   * The client has vanished: for a container that runs the same as the end of its input, which the monitor sees in the
   * connection that closes. One that has yet to be started keeps its input for the next client.
   */
  abandon(): void {
    if (this.#state === "open" && this.#options.closesContainerInput && this.#options.isRunning()) {
      void this.#input();
    }
    this.close();
  }

  /** Lets go of the connection to the monitor. */
  close(): void {
    this.#state = "closed";
    void this.#opened?.then((input) => input?.[Symbol.asyncDispose]());
  }

  #input(): Promise<ContainerInput | undefined> {
    this.#opened ??= this.#options.isRunning() ? this.#open() : this.#openLater();
    return this.#opened;
  }

  async #openLater(): Promise<ContainerInput | undefined> {
    if (!(await this.#options.running()) || this.#state === "closed") return undefined;
    return this.#open();
  }

  async #open(): Promise<ContainerInput | undefined> {
    try {
      return await this.#options.open();
    } catch {
      // It ended in this moment.
      return undefined;
    }
  }
}
