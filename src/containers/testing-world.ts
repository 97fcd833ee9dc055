/**
 * A machine and peers that exist in memory only, for tests of the life of containers: processes are entries
 * in a map,
 * and everything that is done to them is written down.
 */
import { existsSync, mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type EngineEvent, invalidParameter, notFound } from "../lib/index.ts";
import { openRoot, type RootDir, removeDirectory } from "../linux/index.ts";
import {
  type ContainerExit,
  type CreateRequest,
  type Runtime,
  RuntimeError,
  type SpecInput,
} from "../runtime/index.ts";
import { Database, Trash } from "../store/index.ts";
import type {
  ContainerConfig,
  ContainerCreateRequest,
  EndpointSettings,
  ImageConfig,
} from "../wire/index.ts";
import { type Containers, openContainers } from "./containers.ts";
import type { ExitWatch, Machine } from "./machine.ts";
import type { AttachRequest, CommitOptions, Endpoints, Images, Snapshots, VolumeMounts } from "./ports.ts";
import type { ContainerRecord } from "./record.ts";
import type { CreateStreams, StreamsHost } from "./streams-contract.ts";
import { FakeClock } from "./testing.ts";

const IMAGE_ID = `sha256:${"1".repeat(64)}`;
const SIGNALS: Record<string, number> = { HUP: 1, INT: 2, KILL: 9, USR1: 10, TERM: 15 };

interface FakeProcess {
  readonly pid: number;
  readonly startTime: string;
  started: boolean;
  frozen: boolean;
}

/** Where a call fails, once: `runtime.create`, `snapshots.mount`, `network.attach` … */
export type FailurePoint = string;

export class World {
  readonly root = mkdtempSync(join(tmpdir(), "berth-containers-"));
  readonly database = Database.open(":memory:");
  readonly trash = Trash.open(join(this.root, "trash"));
  readonly clock = new FakeClock();
  readonly events: string[] = [];
  readonly eventLog: EngineEvent[] = [];
  /** What was done to the outside, in order. */
  readonly log: string[] = [];
  readonly processes = new Map<string, FakeProcess>();
  readonly exitNotes = new Map<string, ContainerExit>();
  readonly specs = new Map<string, Omit<SpecInput, "facts" | "devices" | "cdi">>();
  readonly requests = new Map<string, CreateRequest>();
  readonly snapshotKeys = new Set<string>();
  readonly volumeUsers = new Map<string, Set<string>>();
  readonly networks = new Map<string, AttachRequest>();
  /** Names of networks that running containers were connected to. */
  readonly joined = new Map<string, string[]>();
  readonly held = new Map<string, string>();
  readonly mounted = new Set<string>();
  readonly commits: CommitOptions[] = [];
  readonly images = new Map<string, { id: string; config: ImageConfig }>([
    ["busybox", { id: IMAGE_ID, config: { Cmd: ["sh"] } }],
  ]);
  /** Signals that processes ignore. */
  readonly ignored = new Set<number>();
  /** Names of mounts' propagation; `private` where none is given. */
  propagation = "private";
  /** A directory that plays every container's root; without, containers have no files. */
  files: string | undefined;
  /** What the health checks do at a container's start. */
  onHealthStart: (record: ContainerRecord) => void = () => {};
  host: StreamsHost | undefined;
  containers: Containers;
  #onExit: (id: string, exit: ContainerExit) => void = () => {};
  #failures = new Map<FailurePoint, Error>();
  #delays = new Map<string, Promise<void>>();
  #nextPid = 100;

  constructor() {
    mkdirSync(join(this.root, "exec", "exits"), { recursive: true });
    this.containers = this.#open();
  }

  /** The daemon is killed and started again; processes go on. */
  async restart(): Promise<void> {
    this.#onExit = () => {};
    this.containers = this.#open();
    await this.containers.recover();
  }

  async dispose(): Promise<void> {
    await this.containers.shutdown();
    this.database.close();
    await this.trash.close();
    removeDirectory(this.root);
  }

  failAt(point: FailurePoint, error: Error = new Error(`${point} failed`)): void {
    this.#failures.set(point, error);
  }

  /** Calls at this point wait until the returned function is called. */
  blockAt(point: FailurePoint): () => void {
    let release!: () => void;
    this.#delays.set(
      point,
      new Promise((resolve) => {
        release = resolve;
      }),
    );
    return () => {
      this.#delays.delete(point);
      release();
    };
  }

  /** The container's process ends. */
  exit(id: string, code = 0, more: Partial<ContainerExit> = {}): void {
    if (!this.processes.delete(id)) return;
    const exit = { code, oomKilled: false, finishedAt: new Date(this.clock.now()), ...more };
    this.exitNotes.set(id, exit);
    this.#onExit(id, exit);
  }

  async create(name: string, over: ContainerCreateRequest = {}): Promise<string> {
    const config: ContainerConfig = { Image: "busybox" };
    const { Id } = await this.containers.create({ ...config, ...over }, { name });
    return Id;
  }

  async run(name: string, over: ContainerCreateRequest = {}): Promise<string> {
    const id = await this.create(name, over);
    await this.containers.start(id);
    return id;
  }

  async #reach(point: FailurePoint, id: string): Promise<void> {
    await this.#delays.get(point);
    this.log.push(`${point} ${id.slice(0, 4)}`);
    const error = this.#failures.get(point);
    this.#failures.delete(point);
    if (error !== undefined) throw error;
  }

  #open(): Containers {
    return openContainers({
      dataRoot: this.root,
      execRoot: join(this.root, "exec"),
      database: this.database,
      trash: this.trash,
      emit: (event) => {
        this.eventLog.push(event);
        this.events.push(event.action);
      },
      defaults: { cgroupParent: "/berth" },
      images: this.#images(),
      snapshots: this.#snapshots(),
      endpoints: this.#endpoints(),
      volumes: this.#volumes(),
      machine: this.#machine(),
      streams: this.#streams(),
      clock: this.clock,
    });
  }

  #images(): Images {
    return {
      resolve: (reference) => {
        const image = this.images.get(reference);
        if (image === undefined) throw notFound(`No such image: ${reference}:latest`);
        return { ...image, reference: `${reference}:latest` };
      },
      hold: (key, id) => void this.held.set(key, id),
      release: (key) => void this.held.delete(key),
      commit: async (options) => {
        this.commits.push(options);
        await this.#reach("images.commit", options.containerId);
        return { id: `sha256:${"2".repeat(64)}` };
      },
    };
  }

  #snapshots(): Snapshots {
    return {
      driver: "overlay2",
      prepare: async (key) => {
        await this.#reach("snapshots.prepare", key);
        this.snapshotKeys.add(key);
      },
      mount: async (key, target) => {
        await this.#reach("snapshots.mount", key);
        if (!existsSync(target)) throw new Error(`no mount point ${target}`);
        this.mounted.add(target);
      },
      remove: async (key) => {
        await this.#reach("snapshots.remove", key);
        this.snapshotKeys.delete(key);
      },
      usage: async () => ({ writableBytes: 10, rootFsBytes: 110 }),
      changes: async () => [
        { Path: "/etc", Kind: 0 },
        { Path: "/etc/hosts", Kind: 1 },
        { Path: "/new", Kind: 1 },
      ],
      view: async () => fakeRoot(),
    };
  }

  #endpoints(): Endpoints {
    return {
      validate: ({ networkMode }) => {
        if (!["bridge", "none", "host"].includes(networkMode) && !networkMode.startsWith("container:")) {
          throw notFound(`network ${networkMode} not found`);
        }
      },
      attach: async (request) => {
        await this.#reach("network.attach", request.containerId);
        this.networks.set(request.containerId, request);
        const settings = { Networks: { [request.networkMode]: { IPAddress: "172.17.0.2" } } };
        return { settings, hosts: "127.0.0.1 localhost\n", resolvConf: "nameserver 1.1.1.1\n" };
      },
      release: async (id) => {
        await this.#reach("network.release", id);
        this.networks.delete(id);
      },
      restore: async (live) => {
        const ids = new Set(live.map(({ containerId }) => containerId));
        for (const id of [...this.networks.keys()]) if (!ids.has(id)) this.networks.delete(id);
      },
      linkEnvironment: (_owner, links) => links.map(({ text }) => `LINK=${text}`),
      network: (name) => {
        const driver = { bridge: "bridge", host: "host", none: "null", net: "bridge" }[name];
        if (driver === undefined) throw notFound(`network ${name} not found`);
        return { id: `id-of-${name}`, name, driver };
      },
      checkEndpoint: () => {},
      join: async (name, { containerId }) => {
        await this.#reach("network.join", containerId);
        this.joined.set(containerId, [...(this.joined.get(containerId) ?? []), name]);
        return { hosts: `address-on-${name}\t${containerId}\n`, resolvConf: `nameserver of ${name}\n` };
      },
      leave: async (name, containerId) => {
        await this.#reach("network.leave", containerId);
        this.joined.set(
          containerId,
          (this.joined.get(containerId) ?? []).filter((one) => one !== name),
        );
        return { hosts: `address-on-${name}\t${containerId}\n` };
      },
      forget: async (_name, container) => {
        throw notFound(`endpoint ${container} not found`);
      },
      rename: () => {},
      settings: (id) => (this.networks.has(id) ? { Networks: this.#joined(id), Ports: {} } : undefined),
    };
  }

  #joined(id: string): Record<string, EndpointSettings> {
    const more = (this.joined.get(id) ?? []).map((name) => [name, {}]);
    return { bridge: { IPAddress: "172.17.0.2" }, ...Object.fromEntries(more) };
  }

  #volumes(): VolumeMounts {
    return {
      acquire: async ({ name, containerId }) => {
        const volume = name ?? "anonymous";
        await this.#reach("volumes.acquire", containerId);
        const created = !this.volumeUsers.has(volume);
        const users = this.volumeUsers.get(volume) ?? new Set();
        this.volumeUsers.set(volume, users.add(containerId));
        return { name: volume, path: `/volumes/${volume}/_data`, driver: "local", created };
      },
      release: async (id) => {
        for (const users of this.volumeUsers.values()) users.delete(id);
      },
      removeAnonymous: async (_id, names) => {
        for (const name of names) if (this.volumeUsers.get(name)?.size === 0) this.volumeUsers.delete(name);
      },
      populate: async (name) => void this.log.push(`volumes.populate ${name}`),
      openSubpath: (name, subpath) => ({
        path: `/held/${name}/${subpath}`,
        isDirectory: true,
        [Symbol.dispose]: () => {},
      }),
    };
  }

  #machine(): Machine {
    const runtime = this.#runtime();
    return {
      runtimes: {
        default: "runc",
        names: () => [{ name: "runc", path: "/usr/sbin/runc" }],
        get: async (name) => {
          if (name !== undefined && name !== "runc") {
            throw invalidParameter(`unknown or invalid runtime name: ${name}`);
          }
          return runtime;
        },
      },
      cgroupVersion: 2,
      hostname: "host",
      recursiveReadOnly: true,
      maskedPaths: ["/proc/kcore"],
      appArmorProfile: (host) => (host.Privileged ? "unconfined" : "berth-default"),
      readonlyPaths: ["/proc/sys"],
      initPath: () => "/usr/bin/tini-static",
      checkResources: (resources) => ({ resources: { ...resources }, warnings: [] }),
      checkSecurity: () => [],
      buildSpec: async (input) => {
        this.specs.set(input.id, input);
        return {} as Awaited<ReturnType<Machine["buildSpec"]>>;
      },
      resolveUser: (_root, user) => ({ uid: Number(user) || 0, gid: 0, additionalGids: [], home: "/" }),
      environment: ({ env }) => [...env],
      watchExits: (onExit) => this.#exits(onExit),
      openInput: async () => {
        throw new Error("no input");
      },
      resizeTerminal: async () => {},
      reopenLog: async () => {},
      stats: async () => {
        throw notFound("no cgroup");
      },
      networkCounters: () => ({}),
      pids: async (cgroup) =>
        [...this.processes].flatMap(([id, { pid }]) => (cgroup.endsWith(id) ? [pid] : [])),
      ps: async () => ({ code: 0, stdout: "", stderr: "" }),
      isAlive: (pid, startTime) =>
        [...this.processes.values()].some(
          (process) => process.pid === pid && process.startTime === startTime,
        ),
      killProcess: (pid) => {
        for (const [id, process] of this.processes) if (process.pid === pid) this.exit(id, 137);
      },
      parseSignal: (text) => {
        const number = /^\d+$/.test(text) ? Number(text) : SIGNALS[text.replace(/^SIG/, "")];
        if (number === undefined) throw invalidParameter(`Invalid signal: ${text}`);
        return number;
      },
      openRoot: () => (this.files === undefined ? fakeRoot() : openRoot(this.files)),
      closeDescriptor: () => {},
      holdPath: (_root, path) => ({ path: `/held/${path}`, isDirectory: false, [Symbol.dispose]: () => {} }),
      bindInto: (_root, path, source) => void this.log.push(`bind ${source} ${path}`),
      bindMount: (_source, target) => void this.mounted.add(target),
      mountTmpfs: (target) => void this.mounted.add(target),
      detach: (target) => void this.mounted.delete(target),
      mountsBelow: (path) => [...this.mounted].filter((target) => target.startsWith(path)),
      mountOf: () => ({ mountPoint: "/", propagation: this.propagation }),
    };
  }

  #exits(onExit: (id: string, exit: ContainerExit) => void): ExitWatch {
    this.#onExit = onExit;
    return {
      track: (id) => {
        const exit = this.exitNotes.get(id);
        if (exit !== undefined) queueMicrotask(() => this.#onExit(id, exit));
      },
      lastExit: (id) => this.exitNotes.get(id),
      forget: (id) => void this.exitNotes.delete(id),
      [Symbol.dispose]: () => {
        this.#onExit = () => {};
      },
    };
  }

  #runtime(): Runtime {
    const must = (id: string): FakeProcess => {
      const process = this.processes.get(id);
      if (process === undefined) throw notFound(`container ${id} does not exist`);
      return process;
    };
    return {
      name: "runc",
      path: "/usr/sbin/runc",
      version: "1.1.5",
      create: async (request) => {
        const spec = await request.spec;
        const { promise: aborted, reject } = Promise.withResolvers<never>();
        request.signal?.addEventListener("abort", () => reject(request.signal?.reason));
        await Promise.race([this.#reach("runtime.create", request.id), aborted]);
        this.requests.set(request.id, { ...request, spec });
        const process = {
          pid: this.#nextPid++,
          startTime: String(this.clock.now()),
          started: false,
          frozen: false,
        };
        this.processes.set(request.id, process);
        return { pid: process.pid, startTime: process.startTime, conmonPid: this.#nextPid++ };
      },
      start: async (id) => {
        await this.#reach("runtime.start", id);
        must(id).started = true;
      },
      kill: async (id, signal) => {
        await this.#reach("runtime.kill", id);
        const process = must(id);
        if (this.ignored.has(signal)) return;
        if (!process.frozen) this.exit(id, 128 + signal);
        await this.#delays.get("runtime.killed");
      },
      delete: async (id, options) => {
        await this.#reach("runtime.delete", id);
        if (!this.processes.has(id)) return;
        if (!options?.force) throw new Error(`container ${id} is still running`);
        this.processes.delete(id);
      },
      pause: async (id) => {
        await this.#delays.get("runtime.pause");
        must(id).frozen = true;
      },
      resume: async (id) => {
        must(id).frozen = false;
        if (!this.ignored.has(9)) this.exit(id, 137);
      },
      update: async (id) => {
        await this.#reach("runtime.update", id);
      },
      runOnce: async () => {
        throw new Error("containers are never run so");
      },
      endRun: async () => {},
      exec: async () => {
        throw new RuntimeError("System", "no exec here", 126);
      },
    };
  }

  #streams(): CreateStreams {
    return (host) => {
      this.host = host;
      const note = (what: string) => (record: { id: string }) =>
        void this.log.push(`${what} ${record.id.slice(0, 4)}`);
      return {
        outputs: {
          resolve: (config) => ({ Type: config?.Type || "json-file", Config: config?.Config ?? {} }),
          logPath: (record) => join(host.containerDirectory(record.id), "output.log"),
          prepare: async (record) => {
            await this.#reach("output.prepare", record.id);
            return { driver: "k8s-file", logPath: join(host.containerDirectory(record.id), "output.log") };
          },
          started: note("output.started"),
          failed: note("output.failed"),
          adopt: note("output.adopt"),
          ending: () => {},
          ended: note("output.ended"),
          delivered: () => Promise.resolve(),
          remove: () => {},
          logs: async () => ({ tty: false, output: none() }),
          attach: async () => ({ tty: false, output: none() }),
          close: () => {},
        },
        execs: {
          create: () => ({ Id: "e" }),
          start: async () => undefined,
          resize: () => {},
          inspect: () => {
            throw notFound("No such exec instance");
          },
          idsOf: () => [],
          endAll: () => {},
          remove: () => {},
        },
        health: {
          start: (record, { adopted }) => {
            note(adopted ? "health.adopted" : "health.start")(record);
            if (!adopted) this.onHealthStart(record);
          },
          pause: () => {},
          resume: () => {},
          stop: (id) => note("health.stop")({ id }),
          close: () => {},
        },
      };
    };
  }
}

async function* none(): AsyncGenerator<never, void, undefined> {}

/** A root in which nothing is and nothing can be made. */
function fakeRoot(): RootDir {
  const refuse = () => {
    throw new Error("no files here");
  };
  return {
    fd: -1,
    open: refuse,
    stat: refuse,
    mkdirAll: refuse,
    symlink: refuse,
    close: () => {},
    [Symbol.dispose]: () => {},
  } as unknown as RootDir;
}

/** Lets everything that can go on without time passing go on. */
export async function quiet(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
}
