import { invalidParameter } from "../../lib/index.ts";
import {
  type ContainerCreateRequest,
  ContainerCreateRequestSchema,
  type ContainerCreateResponse,
  type ContainerInspect,
  type ContainerPruneResponse,
  type ContainerStats,
  type ContainerSummary,
  type ContainerTop,
  type ContainerUpdateRequest,
  ContainerUpdateRequestSchema,
  type ContainerUpdateResponse,
  type ContainerWaitResponse,
  type FilesystemChange,
} from "../../wire/index.ts";
import type { Call } from "../call.ts";
import { adaptCreateRequest, adaptInspect, adaptSummaries } from "../compat.ts";
import type { Filters } from "../filters.ts";
import type { Router } from "../router.ts";

export type WaitCondition = "not-running" | "next-exit" | "removed";

export interface StopOptions {
  readonly signal?: string;
  /** Seconds until SIGKILL; -1: never. */
  readonly timeoutSeconds?: number;
}

/** What these routes ask of the engine. `ref` is an id, a name or the beginning of an id. */
export interface ContainerBackend {
  create(
    request: ContainerCreateRequest,
    options: { name?: string; platform?: string },
  ): Promise<ContainerCreateResponse>;
  start(ref: string, options: { detachKeys?: string; checkpoint?: string }): Promise<void>;
  stop(ref: string, options: StopOptions): Promise<void>;
  restart(ref: string, options: StopOptions): Promise<void>;
  kill(ref: string, signal?: string): Promise<void>;
  pause(ref: string): Promise<void>;
  unpause(ref: string): Promise<void>;
  rename(ref: string, name: string): Promise<void>;
  remove(ref: string, options: { force: boolean; volumes: boolean; link: boolean }): Promise<void>;
  update(ref: string, request: ContainerUpdateRequest): Promise<ContainerUpdateResponse>;
  /** Waiting begins with the call. */
  wait(
    ref: string,
    condition: WaitCondition,
    signal: AbortSignal,
  ): Promise<{ statusCode: number; error?: { Message: string } }>;
  list(options: {
    all: boolean;
    limit?: number;
    size: boolean;
    filters: Filters;
  }): Promise<ContainerSummary[]>;
  inspect(ref: string, options: { size: boolean }): Promise<ContainerInspect>;
  top(ref: string, psArgs: string): Promise<ContainerTop>;
  stats(
    ref: string,
    options: { stream: boolean; oneShot: boolean },
    signal: AbortSignal,
  ): AsyncIterable<ContainerStats>;
  resize(ref: string, rows: number, columns: number): Promise<void>;
  changes(ref: string): Promise<FilesystemChange[]>;
  exportTar(ref: string): AsyncIterable<Uint8Array>;
  prune(filters: Filters): Promise<ContainerPruneResponse>;
}

export function addContainerRoutes(router: Router, containers: ContainerBackend): void {
  router.get("/containers/json", async (call) => {
    const limit = call.query.integer("limit");
    const summaries = await containers.list({
      all: call.query.bool("all"),
      ...(limit !== undefined && limit > 0 ? { limit } : {}),
      size: call.query.bool("size"),
      filters: call.query.filters(),
    });
    call.json(200, adaptSummaries(summaries, call.minor));
  });

  router.post("/containers/create", async (call) => {
    const request = await call.body("CreateRequest", ContainerCreateRequestSchema);
    if (request === undefined) throw invalidParameter("invalid JSON: got EOF while reading request body");
    // Docker's own check: only the fields beside HostConfig and NetworkingConfig make a configuration.
    if (!Object.keys(request).some((key) => key !== "HostConfig" && key !== "NetworkingConfig")) {
      throw invalidParameter("config cannot be empty in order to create a container");
    }
    const { adapted, warnings } = adaptCreateRequest(request, call.minor);
    const platform = call.minor >= 41 ? call.query.optional("platform") : undefined;
    const created = await containers.create(adapted, { name: call.query.optional("name"), platform });
    call.json(201, { Id: created.Id, Warnings: [...warnings, ...created.Warnings] });
  });

  router.post("/containers/prune", async (call) => {
    call.json(200, await containers.prune(call.query.filters()));
  });

  router.get("/containers/:id{.+}/json", async (call) => {
    const inspect = await containers.inspect(call.param("id"), { size: call.query.bool("size") });
    call.json(200, adaptInspect(inspect, call.minor));
  });

  router.get("/containers/:id{.+}/top", async (call) => {
    const psArgs = call.query.optional("ps_args") ?? "-ef";
    call.json(200, await containers.top(call.param("id"), psArgs));
  });

  router.get("/containers/:id{.+}/changes", async (call) => {
    call.json(200, await containers.changes(call.param("id")));
  });

  router.get("/containers/:id{.+}/export", async (call) => {
    await call.stream("application/octet-stream", containers.exportTar(call.param("id")));
  });

  router.get("/containers/:id{.+}/stats", (call) => sendStats(call, containers));

  router.post("/containers/:id{.+}/start", async (call) => {
    const { "content-length": length, "transfer-encoding": encoding } = call.request.headers;
    if (Number(length ?? 0) > 7 || encoding !== undefined) {
      throw invalidParameter(
        "starting container with non-empty request body was deprecated since API v1.22 and removed in v1.24",
      );
    }
    await containers.start(call.param("id"), {
      detachKeys: call.query.optional("detachKeys"),
      checkpoint: call.query.optional("checkpoint"),
    });
    call.empty(204);
  });

  router.post("/containers/:id{.+}/stop", async (call) => {
    await containers.stop(call.param("id"), stopOptions(call));
    call.empty(204);
  });

  router.post("/containers/:id{.+}/restart", async (call) => {
    await containers.restart(call.param("id"), stopOptions(call));
    call.empty(204);
  });

  router.post("/containers/:id{.+}/kill", async (call) => {
    await containers.kill(call.param("id"), call.query.optional("signal"));
    call.empty(204);
  });

  router.post("/containers/:id{.+}/pause", async (call) => {
    await containers.pause(call.param("id"));
    call.empty(204);
  });

  router.post("/containers/:id{.+}/unpause", async (call) => {
    await containers.unpause(call.param("id"));
    call.empty(204);
  });

  router.post("/containers/:id{.+}/rename", async (call) => {
    await containers.rename(call.param("id"), call.query.text("name"));
    call.empty(204);
  });

  router.post("/containers/:id{.+}/update", async (call) => {
    const request = await call.body("UpdateConfig", ContainerUpdateRequestSchema);
    const { Warnings } = await containers.update(call.param("id"), request ?? {});
    call.json(200, { Warnings: Warnings ?? [] });
  });

  router.post("/containers/:id{.+}/resize", async (call) => {
    const { rows, columns } = terminalSize(call);
    await containers.resize(call.param("id"), rows, columns);
    call.empty(200);
  });

  router.post("/containers/:id{.+}/wait", (call) => sendWait(call, containers));

  // A link of a container has a slash in its name: `web/db`.
  router.delete("/containers/:id{.+}", async (call) => {
    await containers.remove(call.param("id"), {
      force: call.query.bool("force"),
      volumes: call.query.bool("v"),
      link: call.query.bool("link"),
    });
    call.empty(204);
  });
}

function stopOptions(call: Call): StopOptions {
  return {
    signal: call.minor >= 42 ? call.query.optional("signal") : undefined,
    timeoutSeconds: call.query.integer("t"),
  };
}

/** `h` and `w` of a query. */
export function terminalSize(call: Call): { rows: number; columns: number } {
  return { rows: dimension(call, "h", "height"), columns: dimension(call, "w", "width") };
}

function dimension(call: Call, name: string, word: string): number {
  const text = call.query.text(name);
  const value = /^\d{1,10}$/.test(text) ? Number(text) : -1;
  if (value < 0 || value > 0xffff_ffff) {
    throw invalidParameter(`invalid resize ${word} ${JSON.stringify(text)}: invalid syntax`);
  }
  return value;
}

const WAIT_CONDITIONS: ReadonlySet<string> = new Set(["not-running", "next-exit", "removed"]);

/**
 * The head goes out as soon as the container is known and waited for: `docker run` starts it only then, so
 * that its exit cannot be missed.
 */
async function sendWait(call: Call, containers: ContainerBackend): Promise<void> {
  const condition = call.query.optional("condition") ?? "not-running";
  if (!WAIT_CONDITIONS.has(condition))
    throw invalidParameter(`invalid condition: ${JSON.stringify(condition)}`);
  const ending = containers.wait(call.param("id"), condition as WaitCondition, call.signal);
  // A container that is not there is told within this turn of the loop.
  await Promise.race([ending, new Promise((resolve) => setImmediate(resolve))]);
  call.begin("application/json");
  let answer: ContainerWaitResponse;
  try {
    const { statusCode, error } = await ending;
    answer = { StatusCode: statusCode, ...(error === undefined ? {} : { Error: error }) };
  } catch (error) {
    if (call.signal.aborted) return;
    answer = { StatusCode: -1, Error: { Message: error instanceof Error ? error.message : String(error) } };
  }
  call.response.end(`${JSON.stringify(answer)}\n`);
}

async function sendStats(call: Call, containers: ContainerBackend): Promise<void> {
  const stream = call.query.bool("stream", true);
  const oneShot = call.minor >= 41 && call.query.bool("one-shot");
  if (stream && oneShot) throw invalidParameter("cannot have stream=true and one-shot=true");
  const samples = containers.stats(call.param("id"), { stream, oneShot }, call.signal);
  let begun = false;
  for await (const sample of samples) {
    if (!begun) call.begin("application/json");
    begun = true;
    const wait = call.send(`${JSON.stringify(sample)}\n`);
    if (wait !== undefined) await wait;
    if (!stream) break;
  }
  if (!begun) call.begin("application/json");
  call.end();
}
