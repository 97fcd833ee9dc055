import type { Application, Watching as Watch } from "../../../compose/index.ts";
import { messageOf } from "../../../lib/index.ts";
import type { HookPrinter } from "../output/hook-printer.ts";
import { compose } from "../session.ts";
import type { Console } from "./console.ts";

/** `--watch` of an attached `up`, and the key that switches it. */
export class Watching {
  readonly #console: Console;
  readonly #hooks: HookPrinter;
  #watch: Watch | undefined;

  constructor(console: Console, hooks: HookPrinter) {
    this.#console = console;
    this.#hooks = hooks;
  }

  /** Whether it watches now. */
  get isOn(): boolean {
    return this.#watch !== undefined;
  }

  /** @throws where no service says what to watch. */
  async start(app: Application, services: readonly string[]): Promise<void> {
    const { watch } = await compose();
    this.#watch = await watch(app, {
      services,
      onEvent: ({ text }) => void this.#console.line(text).catch(() => {}),
      onOutput: (container, bytes) => this.#hooks.print(container, bytes),
    });
  }

  async stop(): Promise<void> {
    const watch = this.#watch;
    this.#watch = undefined;
    await watch?.[Symbol.asyncDispose]();
  }

  /** What the key does: a failure is told, and nothing else ends. */
  async toggle(app: Application, services: readonly string[]): Promise<boolean> {
    if (this.isOn) {
      await this.stop();
      return false;
    }
    try {
      await this.start(app, services);
    } catch (error) {
      this.#console.note(`${messageOf(error)}\n`);
    }
    return this.isOn;
  }
}
