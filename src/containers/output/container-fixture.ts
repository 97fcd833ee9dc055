/** Real containers for the tests of streams: busybox under the monitor and the runtime, with the least of a life around them. */
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { newId } from "../../lib/index.ts";
import { openRoot, removeDirectory } from "../../linux/index.ts";
import {
  buildSpec,
  ExitWatcher,
  hostCgroups,
  hostDevices,
  hostFacts,
  type OciRuntimes,
  openInput,
  openRuntimes,
  processEnvironment,
  reopenLog,
  resizeTerminal,
  resolveUser,
} from "../../runtime/index.ts";
import type { ContainerConfig, HostConfig } from "../../wire/index.ts";
import type { ContainerRecord } from "../record.ts";
import { createStreams, type StreamsOptions } from "../streams.ts";
import type { Streams, StreamsHost } from "../streams-contract.ts";
import { recordFor } from "../testing.ts";
import { nowText } from "../time.ts";

const APPLETS =
  "sh cat echo sleep seq yes head dd true false stty printf kill tail test rm touch env pwd id ps tr wc mkfifo";

export interface EmittedEvent {
  readonly id: string;
  readonly action: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/** An engine in small. All it made is gone when it is disposed of. */
export class ContainerFixture implements AsyncDisposable {
  readonly directory = mkdtempSync(join(tmpdir(), "berth-st-"));
  readonly execRoot = join(this.directory, "x");
  readonly events: EmittedEvent[] = [];
  /** What `--health-on-failure` asked for. */
  readonly actions: string[] = [];
  readonly #cgroupParent = `/${basename(this.directory)}`;
  readonly #runtimes: OciRuntimes;
  readonly #records = new Map<string, ContainerRecord>();
  /** An end is dealt with after the start, as the life of a container does it. */
  readonly #starting = new Map<string, Promise<void>>();
  readonly #ends = new Map<string, PromiseWithResolvers<number>>();
  readonly #watcher: ExitWatcher;
  readonly host: StreamsHost;
  streams: Streams;

  constructor(options: StreamsOptions = {}) {
    this.#runtimes = openRuntimes({ execRoot: this.execRoot, cgroupParent: this.#cgroupParent });
    makeRoot(this.#rootfs);
    this.#watcher = new ExitWatcher(this.execRoot, (id, { code }) => void this.#exited(id, code));
    this.host = this.#makeHost();
    this.streams = createStreams(this.host, options);
  }

  get #rootfs(): string {
    return join(this.directory, "rootfs");
  }

  /** As `docker create`. */
  async create(args: readonly string[], config: ContainerConfig = {}, host: HostConfig = {}) {
    const id = newId();
    const record = recordFor({ id, name: `c${id.slice(0, 6)}`, args: [...args], config, host });
    record.host.LogConfig = this.streams.outputs.resolve(host.LogConfig, { tty: config.Tty === true });
    mkdirSync(this.host.containerDirectory(id), { recursive: true });
    mkdirSync(this.host.bundle(id), { recursive: true });
    this.#records.set(id, record);
    return record;
  }

  /** As `docker start`. */
  async start(record: ContainerRecord): Promise<void> {
    const starting = this.#start(record);
    this.#starting.set(record.id, starting);
    await starting;
  }

  async #start(record: ContainerRecord): Promise<void> {
    const { id, config } = record;
    const runtime = await this.#runtimes.get(undefined);
    const output = await this.streams.outputs.prepare(record);
    this.#ends.set(id, Promise.withResolvers());
    try {
      const created = await runtime.create({
        id,
        bundle: this.host.bundle(id),
        spec: buildSpec(this.#specInput(record)),
        logPath: output.logPath,
        logDriver: output.driver,
        tty: config.Tty === true,
        stdinOpen: config.OpenStdin === true,
        stdinOnce: config.StdinOnce === true && config.Tty !== true,
      });
      this.#watcher.track(id);
      Object.assign(record.state, { status: "running", ...created, startedAt: nowText() });
      this.streams.outputs.started(record);
      this.streams.health.start(record, { adopted: false });
      await runtime.start(id);
    } catch (error) {
      this.streams.outputs.failed(record);
      throw error;
    }
  }

  async run(args: readonly string[], config: ContainerConfig = {}, host: HostConfig = {}) {
    const record = await this.create(args, config, host);
    await this.start(record);
    return record;
  }

  /** Resolves with the exit code. */
  wait(record: ContainerRecord): Promise<number> {
    return this.#ends.get(record.id)!.promise;
  }

  async kill(record: ContainerRecord): Promise<void> {
    await (await this.#runtimes.get(undefined)).kill(record.id, 9, { all: true });
    await this.wait(record);
  }

  /** The daemon dies without a word, and another one starts. */
  async restartDaemon(): Promise<void> {
    await this.streams.outputs.close();
    this.streams.health.close();
    this.streams = createStreams(this.host);
    for (const record of this.#records.values()) {
      if (record.state.status === "running") this.streams.outputs.adopt(record);
    }
  }

  /** Actions of a container's events. */
  actionsOf(record: ContainerRecord): string[] {
    return this.events.filter((event) => event.id === record.id).map((event) => event.action);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.streams.health.close();
    await this.streams.outputs.close();
    this.#watcher[Symbol.dispose]();
    const runtime = await this.#runtimes.get(undefined);
    for (const id of this.#records.keys()) await runtime.delete(id, { force: true });
    const cgroups = hostCgroups();
    cgroups.removeIfEmpty(`${this.#cgroupParent}/monitors`);
    cgroups.removeIfEmpty(this.#cgroupParent);
    removeDirectory(this.directory);
  }

  async #exited(id: string, code: number): Promise<void> {
    await this.#starting.get(id)?.catch(() => {});
    const record = this.#records.get(id);
    if (record === undefined) return;
    Object.assign(record.state, { status: "exited", pid: 0, exitCode: code });
    this.streams.health.stop(id);
    this.streams.execs.endAll(id);
    this.streams.outputs.ended(record);
    const runtime = await this.#runtimes.get(undefined);
    await runtime.delete(id);
    this.#watcher.forget(id);
    this.#ends.get(id)?.resolve(code);
  }

  #specInput({ id, args, config }: ContainerRecord): Parameters<typeof buildSpec>[0] {
    return {
      id,
      config,
      host: {},
      args,
      env: processEnvironment({ hostname: "test", tty: config.Tty === true, env: config.Env ?? [] }),
      cwd: "/",
      user: { uid: 0, gid: 0, additionalGids: [0], home: "/root" },
      hostname: "test",
      rootfs: this.#rootfs,
      readonlyRootfs: false,
      mounts: [],
      namespaces: { network: "new", pid: "new", ipc: "new", uts: "new", cgroup: "host", user: "host" },
      cgroupParent: this.#cgroupParent,
      facts: hostFacts(hostCgroups()),
      devices: hostDevices,
    };
  }

  #makeHost(): StreamsHost {
    const note = (what: string) => (id: string) => void this.actions.push(`${what} ${id}`);
    return {
      containerDirectory: (id) => join(this.directory, "containers", id),
      bundle: (id) => join(this.execRoot, "containers", id),
      record: (id) => this.#records.get(id),
      runtimeOf: () => this.#runtimes.get(undefined),
      openInput,
      resizeTerminal,
      reopenLog,
      exec: async (record, request) => {
        const runtime = await this.#runtimes.get(undefined);
        using root = openRoot(`/proc/${record.state.pid}/root`);
        return runtime.exec(record.id, {
          ...request,
          env: processEnvironment({ hostname: "test", tty: request.tty, env: [...request.env] }),
          cwd: request.cwd ?? "/",
          user: resolveUser(root, request.user ?? "", []),
          host: record.host,
        });
      },
      emit: (record, action, attributes = {}) => void this.events.push({ id: record.id, action, attributes }),
      healthChanged: (record, health) => {
        record.state.health = health;
      },
      kill: note("kill"),
      stop: note("stop"),
      restart: note("restart"),
    };
  }
}

function makeRoot(path: string): void {
  for (const name of ["bin", "proc", "sys", "dev", "tmp", "etc", "root"]) {
    mkdirSync(join(path, name), { recursive: true });
  }
  copyFileSync("/bin/busybox", join(path, "bin/busybox"));
  chmodSync(join(path, "bin/busybox"), 0o755);
  for (const applet of APPLETS.split(" ")) symlinkSync("busybox", join(path, "bin", applet));
}
