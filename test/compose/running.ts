import { join } from "node:path";
import { EXECUTABLE } from "../../scripts/lib/shell.ts";
import type { TestEngine } from "../support/engine.ts";
import { eventually } from "../support/suite.ts";

/** A command of `berth compose` that goes on, and what it has said so far. Dispose of it. */
export class RunningCompose implements AsyncDisposable {
  readonly #child: Bun.Subprocess<"ignore", "pipe", "pipe">;
  readonly #ended: Promise<unknown>;
  /** Of both streams. */
  text = "";

  constructor(engine: TestEngine, cwd: string, args: readonly string[]) {
    this.#child = Bun.spawn([EXECUTABLE, "compose", ...args], {
      cwd,
      env: {
        ...process.env,
        DOCKER_HOST: engine.host,
        DOCKER_CONFIG: join(engine.root, "config"),
        XDG_RUNTIME_DIR: join(engine.root, "config"),
      },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    this.#ended = Promise.all([this.#gather(this.#child.stdout), this.#gather(this.#child.stderr)]);
  }

  /** Resolves when it has said this so many times. */
  async said(text: string, times = 1): Promise<void> {
    await eventually(async () => this.text.split(text).length > times || this.text, true);
  }

  /** Ctrl-C. @returns its exit code, when it has ended */
  async interrupt(): Promise<number> {
    this.#child.kill("SIGINT");
    await this.#ended;
    return this.#child.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
  }

  async #gather(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const bytes of stream) this.text += decoder.decode(bytes, { stream: true });
  }
}
