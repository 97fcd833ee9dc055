import type { ExecConfig, ExecInspect, IdResponse } from "../wire/index.ts";
import { type Cancel, signalOf } from "./cancel.ts";
import type { Engine } from "./engine.ts";
import { segment } from "./query.ts";
import { AttachedStream } from "./stream.ts";

/** Further processes in running containers. */
export class Execs {
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Prepares a process and gives its id. */
  async create(container: string, config: ExecConfig, cancel?: Cancel): Promise<string> {
    const signal = signalOf(cancel);
    const path = `/containers/${segment("container", container)}/exec`;
    return (await this.#engine.json<IdResponse>({ method: "POST", path, json: config, signal })).Id;
  }

  /** Starts it without its streams. */
  startDetached(
    id: string,
    options: { tty?: boolean; signal?: AbortSignal | undefined } = {},
  ): Promise<void> {
    const json = { Detach: true, Tty: options.tty ?? false };
    return this.#engine.request({ method: "POST", path: at(id, "start"), json, signal: options.signal });
  }

  /** Starts it and joins its streams. */
  async start(
    id: string,
    options: { tty: boolean; consoleSize?: [number, number]; signal?: AbortSignal | undefined },
  ): Promise<AttachedStream> {
    const { tty, consoleSize, signal } = options;
    const json = { Detach: false, Tty: tty, ...(consoleSize && { ConsoleSize: consoleSize }) };
    const { stream } = await this.#engine.hijack({ method: "POST", path: at(id, "start"), json, signal });
    return new AttachedStream(stream, tty);
  }

  /** Whether it runs, and how it ended. */
  inspect(id: string, cancel?: Cancel): Promise<ExecInspect> {
    return this.#engine.json({ method: "GET", path: at(id, "json"), signal: signalOf(cancel) });
  }

  /** Rows and columns of the terminal that shows it. */
  resize(id: string, rows: number, columns: number, cancel?: Cancel): Promise<void> {
    const query = { h: rows, w: columns };
    return this.#engine.request({ method: "POST", path: at(id, "resize"), query, signal: signalOf(cancel) });
  }
}

function at(id: string, action: string): string {
  return `/exec/${segment("exec", id)}/${action}`;
}
