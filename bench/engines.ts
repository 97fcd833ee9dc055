import { existsSync, mkdirSync, mkdtempSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EXECUTABLE } from "../scripts/lib/shell.ts";

/** Where each daemon also answers, within its own network namespace. */
export const TCP_PORT = 2375;

/** One of the two contestants: a daemon on roots of its own, and the client its users type. */
export interface BenchEngine extends AsyncDisposable {
  readonly name: "berth" | "docker";
  readonly root: string;
  /** What lasts no longer than the machine runs; in memory, as /run is on every host. */
  readonly execRoot: string;
  readonly socket: string;
  readonly pid: number;
  /** The client's command line for these arguments. */
  command(...args: string[]): string[];
  /** Runs the client to its end; a failure throws with the client's words. */
  client(...args: string[]): Promise<string>;
  clientWithInput(stdin: Uint8Array, ...args: string[]): Promise<string>;
}

/** A command where only the engine's own network is to be seen. */
export const inNamespaceOf = (pid: number, ...command: string[]): string[] => [
  "nsenter",
  `--net=/proc/${pid}/ns/net`,
  ...command,
];

const READY_TIMEOUT_MS = 60_000;

export async function startBerth(): Promise<BenchEngine> {
  const root = mkdtempSync(join(tmpdir(), "berth-bench-"));
  return start("berth", root, EXECUTABLE, (socket, execRoot) => [
    EXECUTABLE,
    "daemon",
    "-H",
    `unix://${socket}`,
    "-H",
    `tcp://127.0.0.1:${TCP_PORT}`,
    "--data-root",
    join(root, "data"),
    "--exec-root",
    execRoot,
  ]);
}

/** Docker's daemon, or the reason why there is none to compare with. */
export async function startDocker(): Promise<BenchEngine | string> {
  const daemon = Bun.which("dockerd") ?? "/usr/sbin/dockerd";
  // Debian's own client belongs to Debian's daemon; whatever else is on the PATH is the second choice.
  const client = existsSync("/usr/bin/docker") ? "/usr/bin/docker" : Bun.which("docker");
  if (!existsSync(daemon) || client === null) return "Docker is not installed (apt-get install docker.io)";
  const root = mkdtempSync(join(tmpdir(), "berth-bench-docker-"));
  return start("docker", root, client, (socket, execRoot) => [
    daemon,
    "-H",
    `unix://${socket}`,
    "-H",
    `tcp://127.0.0.1:${TCP_PORT}`,
    "--data-root",
    join(root, "data"),
    "--exec-root",
    execRoot,
    "--pidfile",
    join(root, "docker.pid"),
  ]);
}

/**
 * Both daemons live in a network namespace of their own, so that neither leaves a bridge or a rule on the
 * machine, and neither sees the other's.
 */
async function start(
  name: BenchEngine["name"],
  root: string,
  client: string,
  daemonCommand: (socket: string, execRoot: string) => string[],
): Promise<BenchEngine> {
  const execRoot = mkdtempSync(join(inMemory(), `${name}-bench-`));
  const socket = join(root, "engine.sock");
  const config = join(root, "config");
  mkdirSync(config);
  const log = Bun.file(join(root, "daemon.log"));
  const daemon = Bun.spawn(
    [
      "unshare",
      "--net",
      "--",
      "sh",
      "-c",
      'ip link set lo up; exec "$@"',
      "sh",
      ...daemonCommand(socket, execRoot),
    ],
    { cwd: "/", stdin: "ignore", stdout: log, stderr: log },
  );
  const env = { ...process.env, DOCKER_HOST: `unix://${socket}`, DOCKER_CONFIG: config } as Record<
    string,
    string
  >;
  const client_ = async (stdin: Uint8Array | undefined, args: string[]) => {
    const child = Bun.spawn([client, ...args], {
      cwd: "/",
      env,
      stdin: stdin ?? "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    const [stdout, stderr, code] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ]);
    if (code !== 0) throw new Error(`${name} ${args.join(" ")} failed (${code}): ${stderr}`);
    return stdout;
  };
  const engine: BenchEngine = {
    name,
    root,
    execRoot,
    socket,
    pid: daemon.pid,
    command: (...args) => ["env", `DOCKER_HOST=unix://${socket}`, `DOCKER_CONFIG=${config}`, client, ...args],
    client: (...args) => client_(undefined, args),
    clientWithInput: (stdin, ...args) => client_(stdin, args),
    async [Symbol.asyncDispose]() {
      const all = (await client_(undefined, ["ps", "-aq"])).split("\n").filter((id) => id !== "");
      if (all.length > 0) await client_(undefined, ["rm", "-f", ...all]);
      daemon.kill("SIGTERM");
      await daemon.exited;
      for (const path of [root, execRoot]) rmSync(path, { recursive: true, force: true });
    },
  };
  await waitUntilReady(engine, daemon);
  return engine;
}

/** linux/magic.h */
const TMPFS_MAGIC = 0x01021994;

function inMemory(): string {
  return ["/run", "/dev/shm"].find((path) => statfsSync(path).type === TMPFS_MAGIC) ?? tmpdir();
}

async function waitUntilReady(engine: BenchEngine, daemon: Bun.Subprocess): Promise<void> {
  const deadline = Date.now() + READY_TIMEOUT_MS;
  while (Date.now() < deadline && daemon.exitCode === null) {
    try {
      await (await fetch("http://localhost/_ping", { unix: engine.socket })).text();
      return;
    } catch {
      await Bun.sleep(100);
    }
  }
  throw new Error(
    `${engine.name} did not start; its log:\n${await Bun.file(join(engine.root, "daemon.log")).text()}`,
  );
}
