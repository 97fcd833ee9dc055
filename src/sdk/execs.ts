import type { ExecConfig, ExecInspect, IdResponse } from "../wire/index.ts";
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
  async create(container: string, config: ExecConfig): Promise<string> {
    const path = `/containers/${segment("container", container)}/exec`;
    return (await this.#engine.json<IdResponse>({ method: "POST", path, json: config })).Id;
  }

  /** Starts it without its streams. */
  startDetached(id: string, options: { tty?: boolean } = {}): Promise<void> {
    const json = { Detach: true, Tty: options.tty ?? false };
    return this.#engine.run({ method: "POST", path: at(id, "start"), json });
  }

  /** Starts it and joins its streams. */
  async start(
    id: string,
    options: { tty: boolean; consoleSize?: [number, number]; signal?: AbortSignal },
  ): Promise<AttachedStream> {
    const { tty, consoleSize, signal } = options;
    const json = { Detach: false, Tty: tty, ...(consoleSize && { ConsoleSize: consoleSize }) };
    const { stream } = await this.#engine.hijack({ method: "POST", path: at(id, "start"), json, signal });
    return new AttachedStream(stream, tty);
  }

  inspect(id: string): Promise<ExecInspect> {
    return this.#engine.json({ method: "GET", path: at(id, "json") });
  }

  resize(id: string, rows: number, columns: number): Promise<void> {
    return this.#engine.run({ method: "POST", path: at(id, "resize"), query: { h: rows, w: columns } });
  }
}

function at(id: string, action: string): string {
  return `/exec/${segment("exec", id)}/${action}`;
}
