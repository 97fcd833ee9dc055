import type { ServiceContainer } from "../../../compose/index.ts";
import { LineSplitter } from "./lines.ts";
import type { LogPrinter } from "./log-printer.ts";

/** Prints what the commands of `post_start` and `pre_stop` print, beside their containers' own output. */
export class HookPrinter {
  readonly #printer: LogPrinter;
  readonly #project: string;
  readonly #splitters = new Map<string, LineSplitter>();

  constructor(printer: LogPrinter, project: string) {
    this.#printer = printer;
    this.#project = project;
  }

  print(container: ServiceContainer, bytes: Uint8Array): void {
    const splitter = this.#splitters.get(container.id) ?? new LineSplitter();
    this.#splitters.set(container.id, splitter);
    const name = `${shortName(this.#project, container)} ->`;
    void this.#printer.lines(name, 1, splitter.push(bytes)).catch(() => {});
  }
}

/** `web-1` for `shop-web-1`; a name of the service's own choice stays. */
export function shortName(project: string, { name, service, number }: ServiceContainer): string {
  return name === `${project}-${service}-${number}` ? `${service}-${number}` : name;
}
