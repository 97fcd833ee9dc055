import { EngineError, notFound } from "../lib/index.ts";
import type { ContainerInspect, ContainerStats } from "../wire/index.ts";
import { type Cancel, signalOf } from "./cancel.ts";
import { type ContainerProcess, startProcess } from "./container-process.ts";
import type { LogsOptions, StopOptions } from "./containers.ts";
import type { Engine } from "./engine.ts";
import type { ProcessOutput } from "./output.ts";
import type { ExecOptions, ExecResult, Files, PublishedPort } from "./run-options.ts";
import type { AttachedStream } from "./stream.ts";

/**
 * One container, and all that can be done with it. `Engine.run` and `Engine.create` make one, `Engine.container` finds one.
 *
 * ```ts
 * await using web = await engine.run("nginx", { ports: [80] });
 * const { host, port } = await web.port(80);
 * await fetch(`http://${host}:${port}/`);
 * ```
 */
export class Container implements AsyncDisposable {
  readonly engine: Engine;
  /** The whole id: 64 hexadecimal digits. */
  readonly id: string;
  readonly name: string;
  /** Whether it stays when the block of `await using` ends. */
  readonly #keep: boolean;
  readonly #tty: boolean;

  constructor(engine: Engine, facts: { id: string; name: string; tty: boolean; keep: boolean }) {
    this.engine = engine;
    this.id = facts.id;
    this.name = facts.name;
    this.#tty = facts.tty;
    this.#keep = facts.keep;
  }

  /** Everything that the engine knows of it. */
  inspect(cancel?: Cancel): Promise<ContainerInspect> {
    return this.engine.containers.inspect(this.id, { signal: signalOf(cancel) });
  }

  /** Starts it, which is no error where it runs. */
  start(cancel?: Cancel): Promise<void> {
    return this.engine.containers.start(this.id, { signal: signalOf(cancel) });
  }

  /** Asks it to end, and kills it after a time: 10 s unless told. */
  stop(options?: StopOptions): Promise<void> {
    return this.engine.containers.stop(this.id, options);
  }

  /** Stops it where it runs, and starts it. */
  restart(options?: StopOptions): Promise<void> {
    return this.engine.containers.restart(this.id, options);
  }

  /** Sends a signal, SIGKILL unless told. */
  kill(signalName?: string, cancel?: Cancel): Promise<void> {
    return this.engine.containers.kill(this.id, signalName, cancel);
  }

  /** Freezes its processes. */
  pause(cancel?: Cancel): Promise<void> {
    return this.engine.containers.pause(this.id, cancel);
  }

  /** Lets its processes go on. */
  unpause(cancel?: Cancel): Promise<void> {
    return this.engine.containers.unpause(this.id, cancel);
  }

  /** Removes it with its anonymous volumes, running or not. It is no error where it is gone already. */
  async remove(cancel?: Cancel): Promise<void> {
    const options = { force: true, volumes: true, signal: signalOf(cancel) };
    await this.engine.containers.remove(this.id, options).catch((error: unknown) => {
      const { kind, message } = error as Partial<EngineError>;
      const isGoing =
        kind === "Conflict" && /removal of container .* is already in progress/.test(message ?? "");
      if (kind !== "NotFound" && !isGoing) throw error;
    });
  }

  /** Resolves with the exit code when it has ended. */
  async wait(cancel?: Cancel): Promise<number> {
    const { StatusCode, Error: failure } = await this.engine.containers.wait(this.id, "not-running", cancel);
    if (failure?.Message) throw new EngineError("System", failure.Message);
    return StatusCode;
  }

  /** What it has printed, and with `follow` what it goes on to print. */
  logs(options: LogsOptions = {}): Promise<ProcessOutput> {
    return this.engine.containers.logs(this.id, { tty: this.#tty, ...options });
  }

  /** Joins its streams: standard input too where it was made with `stdin`. */
  attach(
    options: { readonly logs?: boolean; readonly signal?: AbortSignal | undefined } = {},
  ): Promise<AttachedStream> {
    const all = { stdin: true, stdout: true, stderr: true, tty: this.#tty };
    return this.engine.containers.attach(this.id, { ...all, ...options });
  }

  /** One sample a second, until the iteration is left. */
  stats(cancel?: Cancel): AsyncGenerator<ContainerStats, void> {
    return this.engine.containers.stats(this.id, { signal: signalOf(cancel) });
  }

  /** Runs a command in it, and resolves when that has ended, however it did. What it prints is held in memory. */
  async exec(command: readonly string[], options: ExecOptions = {}): Promise<ExecResult> {
    const process = await this.spawn(command, options);
    const { stdout, stderr } = await process.output.texts();
    return { exitCode: await process.exitCode(options), stdout, stderr };
  }

  /** Runs a command in it, whose output is read while it runs. */
  spawn(command: readonly string[], options: ExecOptions = {}): Promise<ContainerProcess> {
    return startProcess(this.engine, this.id, command, options);
  }

  /**
   * Where a published port is reached from here.
   * @param port `80`, `"53/udp"`
   * @throws NotFound where it is not published
   */
  async port(port: number | string, cancel?: Cancel): Promise<PublishedPort> {
    const wanted = String(port).includes("/") ? String(port) : `${port}/tcp`;
    const { NetworkSettings } = await this.inspect(cancel);
    const [binding] = NetworkSettings.Ports?.[wanted] ?? [];
    if (binding?.HostPort === undefined || binding.HostPort === "")
      throw notFound(`no public port '${wanted}' published for ${this.name}`);
    return { host: this.#reachable(binding.HostIp ?? ""), port: Number(binding.HostPort) };
  }

  /** Copies a file or folder of this machine, so that it is at this path of the container then. */
  async copyIn(from: string, to: string, cancel?: Cancel): Promise<void> {
    const { copyIn } = await import("./container-files.ts");
    await copyIn(this, from, to, signalOf(cancel));
  }

  /** Copies a file or folder of the container, so that it is at this path of this machine then. */
  async copyOut(from: string, to: string, cancel?: Cancel): Promise<void> {
    const { copyOut } = await import("./container-files.ts");
    await copyOut(this, from, to, signalOf(cancel));
  }

  /** Writes files below a folder of the container, which has to be there: `{ "etc/app.conf": "…" }`. */
  async writeFiles(folder: string, files: Files, cancel?: Cancel): Promise<void> {
    const { writeFiles } = await import("./container-files.ts");
    await writeFiles(this, folder, files, signalOf(cancel));
  }

  /** The bytes of a file of the container. Links are followed, and stay within the container. */
  async readFile(path: string, cancel?: Cancel): Promise<Uint8Array> {
    const { readFile } = await import("./container-files.ts");
    return readFile(this, path, signalOf(cancel));
  }

  /**
   * Resolves when its health check has passed.
   * @throws EngineError where it ends, is found unhealthy, or has no health check
   */
  async waitForHealthy(cancel?: Cancel): Promise<void> {
    const { waitForHealthy } = await import("./readiness.ts");
    await waitForHealthy(this, signalOf(cancel));
  }

  /**
   * Resolves with the first line of its log that matches.
   * @throws EngineError where it ends before
   */
  async waitForLog(pattern: RegExp, cancel?: Cancel): Promise<string> {
    const { waitForLog } = await import("./readiness.ts");
    return waitForLog(this, pattern, signalOf(cancel));
  }

  /** Ends and removes it, unless it is to be kept. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#keep) await this.remove();
  }

  /** All addresses of the engine's machine: one of them that leads there from here. */
  #reachable(address: string): string {
    if (address !== "" && address !== "0.0.0.0" && address !== "::") return address;
    const { endpoint } = this.engine;
    return endpoint.kind === "unix" ? "127.0.0.1" : endpoint.host;
  }
}
