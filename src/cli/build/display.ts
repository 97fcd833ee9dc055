import type { BuildProgress } from "../../sdk/index.ts";
import type { JsonMessage } from "../../wire/index.ts";
import type { Cli } from "../cli.ts";
import { type ProgressKind, type ProgressView, progressView } from "./progress/view.ts";

/** Shows a build: steps where the engine tells them, else the text that it sends. */
export class BuildDisplay {
  readonly #cli: Cli;
  readonly #kind: ProgressKind;
  #view: Promise<ProgressView> | undefined;
  #text: ClassicText | undefined;

  constructor(cli: Cli, kind: ProgressKind) {
    this.#cli = cli;
    this.#kind = kind;
  }

  /** Whether it was the engine's text. */
  get isClassic(): boolean {
    return this.#text !== undefined;
  }

  /** Loads what will be wanted, while the build begins. */
  prepare(): void {
    if (this.#kind !== "quiet") void import("./progress/plain-view.ts");
  }

  async show(progress: BuildProgress): Promise<void> {
    if (progress.message !== undefined) {
      this.#text ??= new ClassicText(this.#cli, this.#kind === "quiet");
      return this.#text.show(progress.message);
    }
    this.#view ??= this.#open();
    (await this.#view).show(progress);
  }

  async end(failed: boolean): Promise<void> {
    if (this.#view !== undefined) (await this.#view).end(failed);
    await this.#text?.end(failed);
  }

  async #open(): Promise<ProgressView> {
    const { isTerminal } = await import("../terminal/tty.ts");
    return progressView(this.#kind, this.#cli.output, () => isTerminal(2));
  }
}

/** What an engine without BuildKit says, as it says it. */
class ClassicText {
  readonly #cli: Cli;
  readonly #isQuiet: boolean;
  #heldBack = "";
  #screen: Promise<{ show(message: JsonMessage): void }> | undefined;

  constructor(cli: Cli, isQuiet: boolean) {
    this.#cli = cli;
    this.#isQuiet = isQuiet;
  }

  async show(message: JsonMessage): Promise<void> {
    if (message.error || message.errorDetail?.message) return;
    if (message.aux !== undefined && message.aux !== null && message.stream === undefined) return;
    this.#screen ??= this.#open();
    (await this.#screen).show(message);
  }

  /** What was held back says why. */
  async end(failed: boolean): Promise<void> {
    if (failed) this.#cli.output.warn(this.#heldBack);
  }

  async #open(): Promise<{ show(message: JsonMessage): void }> {
    const [{ ProgressScreen }, { isTerminal, terminalSize }] = await Promise.all([
      import("../show/progress.ts"),
      import("../terminal/tty.ts"),
    ]);
    const hold = (text: string) => {
      this.#heldBack += text;
    };
    return new ProgressScreen({
      print: this.#isQuiet ? hold : this.#cli.output.print,
      isTerminal: !this.#isQuiet && isTerminal(1),
      columns: terminalSize().columns || 80,
    });
  }
}
