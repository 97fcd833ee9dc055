import type { OutputChunk } from "../lib/index.ts";
import type {
  ContainerCreateRequest,
  ContainerCreateResponse,
  ContainerInspect,
  ContainerPruneResponse,
  ContainerStats,
  ContainerSummary,
  ContainerTop,
  ContainerUpdateRequest,
  ContainerUpdateResponse,
  ContainerWaitResponse,
  FilesystemChange,
  PathStat,
} from "../wire/index.ts";
import { Archives } from "./archives.ts";
import type { Engine } from "./engine.ts";
import { asOutput, demultiplex } from "./frames.ts";
import { jsonLines } from "./json-lines.ts";
import { encodeFilters, type Filters, type Query, segment } from "./query.ts";
import { AttachedStream } from "./stream.ts";

export interface ListContainersOptions {
  /** Stopped ones too. */
  readonly all?: boolean;
  /** The newest so many, in any state. */
  readonly limit?: number;
  /** Also compute sizes, which is slow. */
  readonly size?: boolean;
  readonly filters?: Filters;
  readonly signal?: AbortSignal | undefined;
}

export interface LogsOptions {
  /** Both unless told. */
  readonly stdout?: boolean;
  readonly stderr?: boolean;
  readonly follow?: boolean;
  /** Seconds since the epoch, with fraction, or a time in RFC 3339. */
  readonly since?: string;
  readonly until?: string;
  readonly timestamps?: boolean;
  readonly details?: boolean;
  /** Lines from the end, or `all`. */
  readonly tail?: string;
  /** Whether the container has a tty, so that its stream is not framed; asked for where not given. */
  readonly tty?: boolean;
  readonly signal?: AbortSignal | undefined;
}

export interface AttachOptions {
  readonly stdin?: boolean;
  readonly stdout?: boolean;
  readonly stderr?: boolean;
  /** Send what was printed before, too. */
  readonly logs?: boolean;
  readonly detachKeys?: string;
  /** Whether the container has a tty, so that its stream is not framed. */
  readonly tty: boolean;
  readonly signal?: AbortSignal | undefined;
}

export type WaitCondition = "not-running" | "next-exit" | "removed";

/** `GET /containers/…` and everything else that happens to one. A container is given by id, prefix or name. */
export class Containers {
  readonly #engine: Engine;
  readonly archives: Archives;

  constructor(engine: Engine) {
    this.#engine = engine;
    this.archives = new Archives(engine);
  }

  list(options: ListContainersOptions = {}): Promise<ContainerSummary[]> {
    const { all, limit, size, filters, signal } = options;
    const query = {
      all,
      limit: limit !== undefined && limit > 0 ? limit : undefined,
      size,
      filters: encodeFilters(filters),
    };
    return this.#engine.json({ method: "GET", path: "/containers/json", query, signal });
  }

  create(
    config: ContainerCreateRequest,
    options: { name?: string; platform?: string; signal?: AbortSignal | undefined } = {},
  ): Promise<ContainerCreateResponse> {
    const { signal, ...query } = options;
    return this.#engine.json({ method: "POST", path: "/containers/create", query, json: config, signal });
  }

  inspect(ref: string, options: { size?: boolean; signal?: AbortSignal } = {}): Promise<ContainerInspect> {
    return this.inspectText(ref, options).then((text) => JSON.parse(text) as ContainerInspect);
  }

  /** The engine's own JSON, with its order of keys and every digit of its numbers. */
  inspectText(ref: string, options: { size?: boolean; signal?: AbortSignal } = {}): Promise<string> {
    const { size, signal } = options;
    return this.#engine.text({ method: "GET", path: at(ref, "json"), query: { size }, signal });
  }

  start(
    ref: string,
    options: { detachKeys?: string; checkpoint?: string; checkpointDir?: string; signal?: AbortSignal } = {},
  ): Promise<void> {
    const { checkpointDir, signal, ...query } = options;
    return this.#post(ref, "start", { ...query, "checkpoint-dir": checkpointDir }, signal);
  }

  stop(ref: string, options: StopOptions = {}): Promise<void> {
    return this.#post(ref, "stop", { signal: options.signalName, t: options.timeoutSeconds }, options.signal);
  }

  restart(ref: string, options: StopOptions = {}): Promise<void> {
    return this.#post(
      ref,
      "restart",
      { signal: options.signalName, t: options.timeoutSeconds },
      options.signal,
    );
  }

  kill(ref: string, signalName?: string): Promise<void> {
    return this.#post(ref, "kill", { signal: signalName });
  }

  pause(ref: string): Promise<void> {
    return this.#post(ref, "pause");
  }

  unpause(ref: string): Promise<void> {
    return this.#post(ref, "unpause");
  }

  rename(ref: string, name: string): Promise<void> {
    return this.#post(ref, "rename", { name });
  }

  /** Rows and columns of the terminal that shows the container. */
  resize(ref: string, rows: number, columns: number): Promise<void> {
    return this.#post(ref, "resize", { h: rows, w: columns });
  }

  update(ref: string, changes: ContainerUpdateRequest): Promise<ContainerUpdateResponse> {
    return this.#engine.json({ method: "POST", path: at(ref, "update"), json: changes });
  }

  remove(ref: string, options: { force?: boolean; volumes?: boolean; link?: boolean } = {}): Promise<void> {
    const { force, volumes, link } = options;
    const path = `/containers/${segment("container", ref)}`;
    return this.#engine.run({ method: "DELETE", path, query: { v: volumes, link, force } });
  }

  /**
   * Resolves as soon as the engine watches the container, so that what happens from then on is not missed;
   * `result` resolves when the condition holds.
   */
  async watch(
    ref: string,
    condition: WaitCondition = "not-running",
    signal?: AbortSignal,
  ): Promise<{ result: Promise<ContainerWaitResponse> }> {
    const call = { method: "POST", path: at(ref, "wait"), query: { condition }, signal } as const;
    const lines = jsonLines<ContainerWaitResponse>(await this.#engine.stream(call));
    const result = lines.next().then((first) => {
      if (first.done === true) throw new Error("the engine closed the connection");
      return first.value;
    });
    result.catch(() => {});
    return { result };
  }

  /** Resolves when the condition holds. */
  async wait(ref: string, condition?: WaitCondition, signal?: AbortSignal): Promise<ContainerWaitResponse> {
    return (await this.watch(ref, condition, signal)).result;
  }

  top(ref: string, psArguments: readonly string[] = []): Promise<ContainerTop> {
    const query = { ps_args: psArguments.join(" ") };
    return this.#engine.json({ method: "GET", path: at(ref, "top"), query });
  }

  /** One sample a second, or a single one with `stream: false`. */
  async *stats(
    ref: string,
    options: { stream?: boolean; signal?: AbortSignal } = {},
  ): AsyncGenerator<ContainerStats, void> {
    const { stream = true, signal } = options;
    const query = { stream: stream ? "1" : "0" };
    yield* jsonLines(await this.#engine.stream({ method: "GET", path: at(ref, "stats"), query, signal }));
  }

  /** What the container has printed, and with `follow` what it goes on to print. */
  async logs(ref: string, options: LogsOptions = {}): Promise<AsyncIterable<OutputChunk>> {
    const { stdout = true, stderr = true, tty, signal, ...query } = options;
    const call = {
      method: "GET",
      path: at(ref, "logs"),
      query: { stdout, stderr, ...query },
      signal,
    } as const;
    const response = await this.#engine.send(call);
    const type = response.headers.get("content-type") ?? "";
    const framed = type.includes("multiplexed") || !(tty ?? (await this.#hasTty(ref, type)));
    return framed ? demultiplex(response.body()) : asOutput(response.body());
  }

  /** Joins the container's streams. Attach before the start, and nothing it prints is missed. */
  async attach(ref: string, options: AttachOptions): Promise<AttachedStream> {
    const { tty, signal, stdin, stdout, stderr, logs, detachKeys } = options;
    const query = { stream: true, stdin, stdout, stderr, logs, detachKeys };
    const call = { method: "POST", path: at(ref, "attach"), query, signal } as const;
    return new AttachedStream((await this.#engine.hijack(call)).stream, tty);
  }

  changes(ref: string): Promise<FilesystemChange[] | null> {
    return this.#engine.json({ method: "GET", path: at(ref, "changes") });
  }

  /** The container's files as a tar. */
  export(ref: string, signal?: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    return this.#engine.stream({ method: "GET", path: at(ref, "export"), signal });
  }

  prune(filters?: Filters): Promise<ContainerPruneResponse> {
    const query = { filters: encodeFilters(filters) };
    return this.#engine.json({ method: "POST", path: "/containers/prune", query });
  }

  /** What the file at a path of the container is. */
  statPath(ref: string, path: string): Promise<PathStat> {
    return this.archives.stat(ref, path);
  }

  #post(ref: string, action: string, query?: Query, signal?: AbortSignal): Promise<void> {
    return this.#engine.run({ method: "POST", path: at(ref, action), query: query ?? {}, signal });
  }

  /** Engines before 1.42 don't tell framed and raw streams apart. */
  async #hasTty(ref: string, contentType: string): Promise<boolean> {
    if (contentType.includes("raw-stream") && this.#engine.apiVersion >= "1.42") return true;
    return (await this.inspect(ref)).Config.Tty === true;
  }
}

export interface StopOptions {
  /** Instead of the container's own stop signal. */
  readonly signalName?: string;
  /** Seconds until it is killed; -1: never. */
  readonly timeoutSeconds?: number;
  readonly signal?: AbortSignal;
}

function at(ref: string, action: string): string {
  return `/containers/${segment("container", ref)}/${action}`;
}
