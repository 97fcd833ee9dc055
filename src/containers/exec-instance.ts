import { conflict, invalidParameter, newId, type StreamSession } from "../lib/index.ts";
import type { ExecProcess } from "../runtime/index.ts";
import type { ExecConfig, ExecInspect } from "../wire/index.ts";
import { DetachKeys, parseDetachKeys } from "./attach-keys.ts";
import { ExecInput } from "./exec-input.ts";
import { ExecOutput } from "./exec-output.ts";
import type { ContainerRecord } from "./record.ts";
import type { ExecStartOptions, StreamsHost } from "./streams-contract.ts";

/** Docker's exit code for a command that could not be started and said nothing else (`exitEaccess`). */
const CANNOT_START = 126;

/** One `docker exec`: created, started at most once, looked at for a while after its end. */
export class ExecInstance {
  readonly id = newId();
  readonly record: ContainerRecord;
  readonly #config: ExecConfig;
  readonly #host: StreamsHost;
  readonly #keys: readonly number[];
  #starting: Promise<ExecProcess> | undefined;
  #process: ExecProcess | undefined;
  #exitCode: number | undefined;

  /** @throws InvalidParameter without a command, or with detach keys that are none */
  constructor(record: ContainerRecord, config: ExecConfig, host: StreamsHost) {
    if ((config.Cmd ?? []).length === 0) throw invalidParameter("No exec command specified");
    this.record = record;
    this.#config = config;
    this.#host = host;
    this.#keys = parseDetachKeys(config.DetachKeys, "escape");
    this.#emit(`exec_create: ${this.#commandText}`);
  }

  get isFinished(): boolean {
    return this.#exitCode !== undefined;
  }

  get #command(): readonly string[] {
    return this.#config.Cmd ?? [];
  }

  /** Docker's, whose space stands behind a command without arguments too. */
  get #commandText(): string {
    return `${this.#command[0]} ${this.#command.slice(1).join(" ")}`;
  }

  /**
   * @throws Conflict where it was started before; what the runtime says where the command cannot be run. The exit
   * code is known to `inspect` then.
   */
  async start(options: ExecStartOptions, signal: AbortSignal): Promise<StreamSession | undefined> {
    if (this.isFinished) throw conflict(`exec command ${this.id} has already run`);
    if (this.#starting !== undefined) throw conflict(`exec command ${this.id} is already running`);
    options.onAccepted?.();
    this.#emit(`exec_start: ${this.#commandText}`);
    const process = await this.#run(options);
    const ended = process.exited.then(({ code }) => this.#end(code));
    return options.detach ? undefined : this.#session(process, ended, signal);
  }

  async #run(options: ExecStartOptions): Promise<ExecProcess> {
    const config = this.#config;
    const [rows, columns] = config.ConsoleSize ?? [];
    const createdSize = rows === undefined || columns === undefined ? undefined : { rows, columns };
    this.#starting = this.#host.exec(this.record, {
      args: this.#command,
      env: config.Env ?? [],
      ...(config.WorkingDir ? { cwd: config.WorkingDir } : {}),
      ...(config.User ? { user: config.User } : {}),
      privileged: config.Privileged === true,
      tty: config.Tty === true,
      consoleSize: options.consoleSize ?? createdSize,
      stdin: config.AttachStdin === true && !options.detach,
      stdout: config.AttachStdout === true && !options.detach,
      stderr: config.AttachStderr === true && !options.detach,
      detach: options.detach,
    });
    try {
      this.#process = await this.#starting;
      return this.#process;
    } catch (error) {
      this.#exitCode = exitCodeOf(error);
      throw error;
    }
  }

  #end(code: number): void {
    this.#exitCode = code;
    this.#emit("exec_die", { exitCode: String(code) });
  }

  #session(process: ExecProcess, ended: Promise<void>, signal: AbortSignal): StreamSession {
    const tty = this.#config.Tty === true;
    const leave = () => {
      void output.return();
      process.input?.end();
    };
    const forget = () => signal.removeEventListener("abort", leave);
    const output = new ExecOutput(process.output, ended, forget, () => void process[Symbol.asyncDispose]());
    signal.addEventListener("abort", leave, { once: true });
    if (signal.aborted) leave();
    if (process.input === undefined) return { tty, output };
    const input = new ExecInput({
      input: process.input,
      keys: tty ? new DetachKeys(this.#keys) : undefined,
      onDetach: () => {
        void output.return();
        this.#emit("exec_detach");
      },
      onEnd: tty ? () => void output.return() : undefined,
    });
    return { tty, output, input };
  }

  /** A client asks for it right after the start: a process that is just being started is waited for. */
  async resize(rows: number, columns: number): Promise<void> {
    if (this.#starting === undefined) throw invalidParameter("exec process is not started");
    const process = await this.#starting;
    if (!this.isFinished) process.resize(rows, columns);
  }

  inspect(): ExecInspect {
    const config = this.#config;
    return {
      ID: this.id,
      Running: this.#starting !== undefined && !this.isFinished,
      ExitCode: this.#exitCode ?? null,
      ProcessConfig: {
        tty: config.Tty === true,
        entrypoint: this.#command[0] ?? "",
        arguments: this.#command.slice(1),
        privileged: config.Privileged === true,
        ...(config.User ? { user: config.User } : {}),
      },
      OpenStdin: config.AttachStdin === true,
      OpenStderr: config.AttachStderr === true,
      OpenStdout: config.AttachStdout === true,
      CanRemove: false,
      ContainerID: this.record.id,
      // Go prints bytes as base64.
      DetachKeys: config.DetachKeys ? Buffer.from(this.#keys).toString("base64") : "",
      Pid: this.#process?.pid ?? 0,
    };
  }

  #emit(action: string, attributes: Readonly<Record<string, string>> = {}): void {
    this.#host.emit(this.record, action, { execID: this.id, ...attributes });
  }
}

/** 127 not found, 126 not executable, as the runtime's error has it. */
function exitCodeOf(error: unknown): number {
  const code = (error as { exitCode?: unknown } | undefined)?.exitCode;
  return code === 126 || code === 127 ? code : CANNOT_START;
}
