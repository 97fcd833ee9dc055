import { cpSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { removeDirectory } from "../../linux/index.ts";
import type { HostConfig } from "../../wire/index.ts";
import type { Cgroups } from "../cgroups/contract.ts";
import { openCgroups } from "../cgroups/open.ts";
import type {
  CreatedContainer,
  CreateRequest,
  ExecRequest,
  HostFacts,
  OciRuntimes,
  SpecInput,
} from "../contract.ts";
import { hostDevices } from "../host-devices.ts";
import { hostFacts } from "../host-facts.ts";
import { findProgram } from "../programs.ts";
import { openRuntimes, type RuntimesOptions } from "../runtimes.ts";
import { buildSpec } from "../spec/build.ts";
import { processEnvironment } from "../spec/environment.ts";
import type { OciSpec } from "../spec/oci.ts";

/** Milliseconds for one test: containers take their time on a machine that has other work. */
export const PATIENCE_MS = 60_000;

/** All that is tested is tested with each of these. */
export const RUNTIMES = ["crun", "runc"] as const;

/** A request whose specification is known. */
type Request = CreateRequest & { readonly spec: OciSpec };

/** Names that busybox answers to in the tests' root file system. */
const APPLETS =
  `sh true false cat echo ls id sleep kill ps env pwd stat head dd wc mount grep sha256sum stty tty yes
  readlink ln mkdir rm touch test hostname seq trap tr od sort chmod`.split(/\s+/);

const ROOT: SpecInput["user"] = { uid: 0, gid: 0, additionalGids: [0], home: "/root" };

/** Runtime, cgroups and a busybox root of a test file's own, all gone when it is disposed of. */
export class RuntimeFixture implements AsyncDisposable {
  readonly directory = mkdtempSync(join(tmpdir(), "berth-rt-"));
  readonly execRoot = join(this.directory, "x");
  readonly rootfs = join(this.directory, "rootfs");
  readonly cgroupParent = `/${this.directory.slice(this.directory.lastIndexOf("/") + 1)}`;
  readonly cgroups: Cgroups = openCgroups();
  readonly facts: HostFacts = hostFacts(this.cgroups);
  readonly runtimes: OciRuntimes;
  readonly #ids = new Set<string>();
  #count = 0;

  /** @param options over what the tests usually have */
  constructor(options: Partial<RuntimesOptions> = {}) {
    makeRootfs(this.rootfs);
    this.runtimes = openRuntimes({
      execRoot: this.execRoot,
      cgroupParent: this.cgroupParent,
      cgroups: this.cgroups,
      facts: this.facts,
      ...options,
    });
  }

  /** A new container's id and bundle. */
  newContainer(): { id: string; bundle: string } {
    this.#count++;
    const id = String(this.#count).padStart(64, "c");
    const bundle = join(this.execRoot, "containers", id);
    mkdirSync(bundle, { recursive: true, mode: 0o700 });
    this.#ids.add(id);
    return { id, bundle };
  }

  specInput(id: string, args: readonly string[], over: Partial<SpecInput> = {}): SpecInput {
    return {
      id,
      config: {},
      host: {},
      args,
      env: processEnvironment({ hostname: id.slice(0, 12), tty: false, env: [] }),
      cwd: "/",
      user: ROOT,
      hostname: id.slice(0, 12),
      rootfs: this.rootfs,
      readonlyRootfs: false,
      mounts: [],
      namespaces: { network: "new", pid: "new", ipc: "new", uts: "new", cgroup: "host", user: "host" },
      cgroupParent: this.cgroupParent,
      facts: this.facts,
      devices: hostDevices,
      ...over,
    };
  }

  request(
    args: readonly string[],
    over: Partial<SpecInput> & { create?: Partial<Omit<CreateRequest, "spec">> } = {},
  ): Request {
    const { id, bundle } = this.newContainer();
    const spec = buildSpec(this.specInput(id, args, over));
    return {
      id,
      bundle,
      spec,
      logPath: join(bundle, "output.log"),
      tty: spec.process.terminal,
      stdinOpen: false,
      stdinOnce: false,
      ...over.create,
    };
  }

  async create(
    args: readonly string[],
    over: Partial<SpecInput> & { create?: Partial<Omit<CreateRequest, "spec">> } = {},
  ): Promise<Request & CreatedContainer> {
    const request = this.request(args, over);
    const runtime = await this.runtimes.get(undefined);
    return { ...request, ...(await runtime.create(request)) };
  }

  async run(
    args: readonly string[],
    over: Partial<SpecInput> & { create?: Partial<Omit<CreateRequest, "spec">> } = {},
  ): Promise<Request & CreatedContainer> {
    const created = await this.create(args, over);
    await (await this.runtimes.get(undefined)).start(created.id);
    return created;
  }

  execRequest(args: readonly string[], over: Partial<ExecRequest> = {}): ExecRequest {
    const host: HostConfig = {};
    return {
      args,
      env: ["PATH=/bin"],
      cwd: "/",
      user: ROOT,
      host,
      privileged: false,
      tty: false,
      stdin: false,
      stdout: true,
      stderr: true,
      detach: false,
      ...over,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const runtime = await this.runtimes.get(undefined);
    for (const id of this.#ids) await runtime.delete(id, { force: true });
    this.cgroups.removeIfEmpty(`${this.cgroupParent}/monitors`);
    this.cgroups.removeIfEmpty(this.cgroupParent);
    removeDirectory(this.directory);
  }
}

function makeRootfs(path: string): void {
  const busybox = findProgram("busybox");
  if (!busybox) throw new Error("these tests need busybox-static");
  for (const name of ["bin", "proc", "sys", "dev", "tmp", "etc", "root"])
    mkdirSync(join(path, name), { recursive: true });
  cpSync(busybox, join(path, "bin/busybox"));
  for (const applet of APPLETS) symlinkSync("busybox", join(path, "bin", applet));
}

/** The bytes of a stream of outputs, by stream, as text. */
export async function collect(
  output: AsyncIterable<{ stream: number; bytes: Uint8Array }>,
): Promise<{ stdout: string; stderr: string }> {
  const decoders = { 1: new TextDecoder(), 2: new TextDecoder() };
  const text = { 1: "", 2: "" };
  for await (const { stream, bytes } of output) {
    if (stream === 1 || stream === 2) text[stream] += decoders[stream].decode(bytes, { stream: true });
  }
  return { stdout: text[1], stderr: text[2] };
}

/** The bytes that a container printed, without what the monitor writes around them. */
export function printed(bundle: string, stream?: "stdout" | "stderr"): string {
  return readFileSync(join(bundle, "output.log"), "utf8")
    .split("\n")
    .map((line) => /^\S+ (\S+) ([FP]) (.*)$/s.exec(line))
    .filter((parts) => parts && (stream === undefined || parts[1] === stream))
    .map((parts) => `${parts?.[3]}${parts?.[2] === "F" ? "\n" : ""}`)
    .join("");
}
