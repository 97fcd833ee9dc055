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
import { type Cancel, signalOf } from "./cancel.ts";
import type { Engine } from "./engine.ts";
import { asOutput, demultiplex } from "./frames.ts";
import { jsonLines } from "./json-lines.ts";
import { ProcessOutput } from "./output.ts";
import { encodeFilters, type Filters, type Query, segment, timeText } from "./query.ts";
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
  /** Seconds since the epoch, with fraction, a time in RFC 3339, or a date. */
  readonly since?: string | Date;
  readonly until?: string | Date;
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

  /** Those that run, or all of them. */
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

  /** Makes one that is not started yet. */
  create(
    config: ContainerCreateRequest,
    options: { name?: string; platform?: string; signal?: AbortSignal | undefined } = {},
  ): Promise<ContainerCreateResponse> {
    const { signal, ...query } = options;
    return this.#engine.json({ method: "POST", path: "/containers/create", query, json: config, signal });
  }

  /** Everything that the engine knows of one. */
  inspect(
    ref: string,
    options: { size?: boolean; signal?: AbortSignal | undefined } = {},
  ): Promise<ContainerInspect> {
    return this.inspectText(ref, options).then((text) => JSON.parse(text) as ContainerInspect);
  }

  /** The engine's own JSON, with its order of keys and every digit of its numbers. */
  inspectText(
    ref: string,
    options: { size?: boolean; signal?: AbortSignal | undefined } = {},
  ): Promise<string> {
    const { size, signal } = options;
    return this.#engine.text({ method: "GET", path: at(ref, "json"), query: { size }, signal });
  }

  /** Starts it, which is no error where it runs. */
  start(
    ref: string,
    options: {
      detachKeys?: string;
      checkpoint?: string;
      checkpointDir?: string;
      signal?: AbortSignal | undefined;
    } = {},
  ): Promise<void> {
    const { checkpointDir, signal, ...query } = options;
    return this.#post(ref, "start", { ...query, "checkpoint-dir": checkpointDir }, signal);
  }

  /** Asks it to end, and kills it after a time. */
  stop(ref: string, options: StopOptions = {}): Promise<void> {
    return this.#post(ref, "stop", { signal: options.signalName, t: options.timeoutSeconds }, options.signal);
  }

  /** Stops it where it runs, and starts it. */
  restart(ref: string, options: StopOptions = {}): Promise<void> {
    return this.#post(
      ref,
      "restart",
      { signal: options.signalName, t: options.timeoutSeconds },
      options.signal,
    );
  }

  /** Sends a signal, SIGKILL unless told. */
  kill(ref: string, signalName?: string, cancel?: Cancel): Promise<void> {
    return this.#post(ref, "kill", { signal: signalName }, signalOf(cancel));
  }

  /** Freezes its processes. */
  pause(ref: string, cancel?: Cancel): Promise<void> {
    return this.#post(ref, "pause", {}, signalOf(cancel));
  }

  /** Lets its processes go on. */
  unpause(ref: string, cancel?: Cancel): Promise<void> {
    return this.#post(ref, "unpause", {}, signalOf(cancel));
  }

  /** Gives it another name. */
  rename(ref: string, name: string, cancel?: Cancel): Promise<void> {
    return this.#post(ref, "rename", { name }, signalOf(cancel));
  }

  /** Rows and columns of the terminal that shows the container. */
  resize(ref: string, rows: number, columns: number, cancel?: Cancel): Promise<void> {
    return this.#post(ref, "resize", { h: rows, w: columns }, signalOf(cancel));
  }

  /** Changes limits and the restart policy. */
  update(ref: string, changes: ContainerUpdateRequest, cancel?: Cancel): Promise<ContainerUpdateResponse> {
    const signal = signalOf(cancel);
    return this.#engine.json({ method: "POST", path: at(ref, "update"), json: changes, signal });
  }

  /** @param options `force`: kill it first where it runs; `volumes`: its anonymous volumes too */
  remove(
    ref: string,
    options: { force?: boolean; volumes?: boolean; link?: boolean; signal?: AbortSignal | undefined } = {},
  ): Promise<void> {
    const { force, volumes, link, signal } = options;
    const path = `/containers/${segment("container", ref)}`;
    return this.#engine.request({ method: "DELETE", path, query: { v: volumes, link, force }, signal });
  }

  /**
   * Resolves as soon as the engine watches the container, so that what happens from then on is not missed;
   * `result` resolves when the condition holds.
   */
  async watch(
    ref: string,
    condition: WaitCondition = "not-running",
    cancel?: Cancel,
  ): Promise<{ result: Promise<ContainerWaitResponse> }> {
    const signal = signalOf(cancel);
    const call = { method: "POST", path: at(ref, "wait"), query: { condition }, signal } as const;
    const lines = jsonLines<ContainerWaitResponse>(await this.#engine.stream(call));
    const result = lines.next().then(async (first) => {
      if (first.done === true) throw new Error("the engine closed the connection");
      await lines.return();
      return first.value;
    });
    result.catch(() => {});
    return { result };
  }

  /** Resolves when the condition holds. */
  async wait(ref: string, condition?: WaitCondition, cancel?: Cancel): Promise<ContainerWaitResponse> {
    return (await this.watch(ref, condition, cancel)).result;
  }

  /** Its processes, as `ps` shows them. */
  top(ref: string, psArguments: readonly string[] = [], cancel?: Cancel): Promise<ContainerTop> {
    const query = { ps_args: psArguments.join(" ") };
    return this.#engine.json({ method: "GET", path: at(ref, "top"), query, signal: signalOf(cancel) });
  }

  /** One sample a second, or a single one with `stream: false`. */
  async *stats(
    ref: string,
    options: { stream?: boolean; signal?: AbortSignal | undefined } = {},
  ): AsyncGenerator<ContainerStats, void> {
    const { stream = true, signal } = options;
    const query = { stream: stream ? "1" : "0" };
    yield* jsonLines(await this.#engine.stream({ method: "GET", path: at(ref, "stats"), query, signal }));
  }

  /** What the container has printed, and with `follow` what it goes on to print. */
  async logs(ref: string, options: LogsOptions = {}): Promise<ProcessOutput> {
    const { stdout = true, stderr = true, since, until, tty, signal, ...rest } = options;
    const query = { stdout, stderr, since: timeText(since), until: timeText(until), ...rest };
    const call = { method: "GET", path: at(ref, "logs"), query, signal } as const;
    const response = await this.#engine.send(call);
    const type = response.headers.get("content-type") ?? "";
    const framed = type.includes("multiplexed") || !(tty ?? (await this.#hasTty(ref, type, signal)));
    return new ProcessOutput(framed ? demultiplex(response.body()) : asOutput(response.body()));
  }

  /** Joins the container's streams. Attach before the start, and nothing it prints is missed. */
  async attach(ref: string, options: AttachOptions): Promise<AttachedStream> {
    const { tty, signal, stdin, stdout, stderr, logs, detachKeys } = options;
    const query = { stream: true, stdin, stdout, stderr, logs, detachKeys };
    const call = { method: "POST", path: at(ref, "attach"), query, signal } as const;
    return new AttachedStream((await this.#engine.hijack(call)).stream, tty);
  }

  /** Files that are not as they are in the image; null where there are none. */
  changes(ref: string, cancel?: Cancel): Promise<FilesystemChange[] | null> {
    return this.#engine.json({ method: "GET", path: at(ref, "changes"), signal: signalOf(cancel) });
  }

  /** The container's files as a tar. */
  export(ref: string, cancel?: Cancel): Promise<AsyncIterable<Uint8Array>> {
    return this.#engine.stream({ method: "GET", path: at(ref, "export"), signal: signalOf(cancel) });
  }

  /** Removes stopped ones. */
  prune(filters?: Filters, cancel?: Cancel): Promise<ContainerPruneResponse> {
    const signal = signalOf(cancel);
    const query = { filters: encodeFilters(filters) };
    return this.#engine.json({ method: "POST", path: "/containers/prune", query, signal });
  }

  /** What the file at a path of the container is. */
  statPath(ref: string, path: string, cancel?: Cancel): Promise<PathStat> {
    return this.archives.stat(ref, path, cancel);
  }

  #post(ref: string, action: string, query?: Query, signal?: AbortSignal): Promise<void> {
    return this.#engine.request({ method: "POST", path: at(ref, action), query: query ?? {}, signal });
  }

  /** Engines before 1.42 don't tell framed and raw streams apart. */
  async #hasTty(ref: string, contentType: string, signal: AbortSignal | undefined): Promise<boolean> {
    if (contentType.includes("raw-stream") && this.#engine.apiVersion >= "1.42") return true;
    return (await this.inspect(ref, { signal })).Config.Tty === true;
  }
}

export interface StopOptions {
  /** Instead of the container's own stop signal. */
  readonly signalName?: string;
  /** Seconds until it is killed; -1: never. */
  readonly timeoutSeconds?: number;
  readonly signal?: AbortSignal | undefined;
}

function at(ref: string, action: string): string {
  return `/containers/${segment("container", ref)}/${action}`;
}
