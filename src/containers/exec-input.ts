import type { StreamInput } from "../lib/index.ts";
import type { DetachKeys } from "./attach-keys.ts";

export interface ExecInputOptions {
  readonly input: StreamInput;
  /** Where there is a terminal. */
  readonly keys?: DetachKeys;
  readonly onDetach: () => void;
  /** With a terminal, the end of the client's input ends its session (moby, `stream.CopyStreams`). */
  readonly onEnd?: () => void;
}

/** What a client types into an exec'd process. */
export class ExecInput implements StreamInput {
  readonly #options: ExecInputOptions;
  #over = false;

  constructor(options: ExecInputOptions) {
    this.#options = options;
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#over) return;
    const { keys, input, onDetach } = this.#options;
    const { pass, detached } = keys?.filter(bytes) ?? { pass: bytes, detached: false };
    if (detached) this.#over = true;
    if (pass.length > 0) await input.write(pass);
    if (detached) onDetach();
  }

  end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#options.input.end();
    this.#options.onEnd?.();
  }
}
