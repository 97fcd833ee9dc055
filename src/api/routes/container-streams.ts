import { invalidParameter, type OutputChunk, type StreamSession } from "../../lib/index.ts";
import type { Call } from "../call.ts";
import type { Router } from "../router.ts";
import { MULTIPLEXED_STREAM, RAW_STREAM, sendLines } from "../streams/frames.ts";
import { runSession } from "../streams/hijacked.ts";
import { runWebSocket } from "../streams/websocket.ts";

export interface LogsOptions {
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** Nanoseconds since the epoch. */
  readonly since?: bigint;
  readonly until?: bigint;
  readonly timestamps: boolean;
  /** Lines from the end; absent: all. */
  readonly tail?: number;
  readonly follow: boolean;
  readonly details: boolean;
}

export interface AttachOptions {
  readonly logs: boolean;
  readonly stream: boolean;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly detachKeys?: string;
}

/** What these routes ask of the engine. */
export interface ContainerStreamBackend {
  logs(
    ref: string,
    options: LogsOptions,
    signal: AbortSignal,
  ): Promise<{ tty: boolean; output: AsyncIterable<OutputChunk> }>;
  /** Listening begins before this resolves. */
  attach(ref: string, options: AttachOptions, signal: AbortSignal): Promise<StreamSession>;
}

/**
 * How far the head of an attached connection is ahead of output that is there already. docker-py and others read the head
 * through a buffer and go on with the bare socket: what arrives together with the head is lost to them.
 */
const HEAD_START_MS = 10;

export function addContainerStreamRoutes(router: Router, containers: ContainerStreamBackend): void {
  router.get("/containers/:id{.+}/logs", (call) => sendLogs(call, containers));

  router.post("/containers/:id{.+}/attach", async (call) => {
    const options = attachOptions(call);
    const session = await containers.attach(call.param("id"), options, call.signal);
    const connection = call.hijack(streamTypes(call, session.tty));
    if (options.logs) await Bun.sleep(HEAD_START_MS);
    await runSession(connection, session);
  });

  router.get("/containers/:id{.+}/attach/ws", (call) =>
    runWebSocket(call, (signal) => containers.attach(call.param("id"), attachOptions(call), signal)),
  );
}

/** Of a hijacked connection: whether frames are inside is told since v1.42, and only to clients that upgraded. */
export function streamTypes(call: Call, tty: boolean): { upgraded: string; plain: string } {
  return { upgraded: !tty && call.minor >= 42 ? MULTIPLEXED_STREAM : RAW_STREAM, plain: RAW_STREAM };
}

function attachOptions({ query }: Call): AttachOptions {
  return {
    logs: query.bool("logs"),
    stream: query.bool("stream"),
    stdin: query.bool("stdin"),
    stdout: query.bool("stdout"),
    stderr: query.bool("stderr"),
    detachKeys: query.optional("detachKeys"),
  };
}

function logsOptions({ query }: Call): LogsOptions {
  const stdout = query.bool("stdout");
  const stderr = query.bool("stderr");
  if (!stdout && !stderr) throw invalidParameter("Bad parameters: you must choose at least one stream");
  const tail = query.text("tail");
  return {
    stdout,
    stderr,
    since: query.time("since"),
    until: query.time("until"),
    timestamps: query.bool("timestamps"),
    // Docker takes everything that is no number for "all".
    tail: /^\d{1,15}$/.test(tail) ? Number(tail) : undefined,
    follow: query.bool("follow"),
    details: query.bool("details"),
  };
}

async function sendLogs(call: Call, containers: ContainerStreamBackend): Promise<void> {
  const { tty, output } = await containers.logs(call.param("id"), logsOptions(call), call.signal);
  call.begin(!tty && call.minor >= 42 ? MULTIPLEXED_STREAM : RAW_STREAM);
  for await (const chunk of output) {
    const wait = tty ? call.send(chunk.bytes) : sendLines(call.response, chunk);
    if (wait !== undefined) await wait;
  }
  call.end();
}
