import { invalidParameter, messageOf, type StreamSession, systemError } from "../../lib/index.ts";
import {
  type ExecConfig,
  ExecConfigSchema,
  type ExecInspect,
  ExecStartRequestSchema,
} from "../../wire/index.ts";
import type { Call } from "../call.ts";
import type { Router } from "../router.ts";
import { finishWithMessage, type Hijacked, runSession } from "../streams/hijacked.ts";
import { streamTypes } from "./container-streams.ts";
import { terminalSize } from "./containers.ts";

export interface ExecStartOptions {
  readonly detach: boolean;
  readonly tty: boolean;
  readonly consoleSize?: { readonly rows: number; readonly columns: number };
  /** Called once it is sure that the exec is run, and before its process can print anything. */
  readonly onAccepted?: () => void;
}

/** What these routes ask of the engine. */
export interface ExecBackend {
  execCreate(ref: string, config: ExecConfig): Promise<{ Id: string }>;
  /** @throws NotFound `No such exec instance: x` */
  execStart(id: string, options: ExecStartOptions, signal: AbortSignal): Promise<StreamSession | undefined>;
  execResize(id: string, rows: number, columns: number): Promise<void>;
  execInspect(id: string): Promise<ExecInspect>;
}

export function addExecRoutes(router: Router, execs: ExecBackend): void {
  router.post("/containers/:id{.+}/exec", async (call) => {
    const config = await call.body("ExecCreateRequest", ExecConfigSchema);
    if (config === undefined || (config.Cmd ?? []).length === 0)
      throw invalidParameter("No exec command specified");
    if (call.minor < 42) config.ConsoleSize = null;
    call.json(201, await execs.execCreate(call.param("id"), config));
  });

  router.post("/exec/:id/start", (call) => startExec(call, execs));

  router.post("/exec/:id/resize", async (call) => {
    const { rows, columns } = terminalSize(call);
    await execs.execResize(call.param("id"), rows, columns);
    call.empty(200);
  });

  router.get("/exec/:id/json", async (call) => {
    call.json(200, await execs.execInspect(call.param("id")));
  });
}

async function startExec(call: Call, execs: ExecBackend): Promise<void> {
  const request = (await call.body("ExecStartRequest", ExecStartRequestSchema)) ?? {};
  const detach = request.Detach ?? false;
  const tty = request.Tty ?? false;
  const [rows, columns] = call.minor >= 42 && tty ? (request.ConsoleSize ?? []) : [];
  const consoleSize = rows !== undefined && columns !== undefined ? { rows, columns } : undefined;
  if (detach) {
    await execs.execStart(call.param("id"), { detach, tty, consoleSize }, NEVER);
    call.empty(200);
    return;
  }
  // The head goes out before the process is started, as Docker's does. docker-py and others read it through a buffer and go
  // on with the bare socket: output that arrives together with the head is lost to them.
  let connection: Hijacked | undefined;
  const onAccepted = () => {
    connection = call.hijack(streamTypes(call, tty));
  };
  let session: StreamSession | undefined;
  try {
    const options = { detach, tty, consoleSize, onAccepted };
    session = await execs.execStart(call.param("id"), options, call.signal);
  } catch (error) {
    // What the runtime says of a command that it cannot execute comes as the command's output: the client has
    // asked for the exec's streams, and reads the exit code (126, 127) by inspecting the exec.
    if (connection === undefined) throw error;
    finishWithMessage(connection, tty, messageOf(error));
    return;
  }
  if (session === undefined || connection === undefined) {
    throw systemError(`the exec ${call.param("id")} was started without its streams`);
  }
  // Whether there are frames is for this request to say, also where the exec was created otherwise, as in Docker: docker-py
  // creates execs with a tty and starts them without.
  await runSession(connection, { ...session, tty });
}

/** A detached exec outlives the request. */
const NEVER = new AbortController().signal;
