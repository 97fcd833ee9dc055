import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { busyboxRootTar } from "../../scripts/lib/base-image.ts";
import { EXECUTABLE } from "../../scripts/lib/shell.ts";
import { removeDirectory } from "../../src/linux/index.ts";
import { leftovers } from "./leftovers.ts";

/** The image every engine of the tests begins with: busybox, see `busyboxRootTar`. */
export const IMAGE = "busybox:test";

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  /** Nothing unless told; the command's input ends where this ends. */
  readonly stdin?: string | Uint8Array | AsyncIterable<Uint8Array>;
  readonly env?: Record<string, string>;
  /** The command is killed after this time, which fails the test; 60 s unless told. */
  readonly timeoutMs?: number;
  readonly cwd?: string;
}

/** A daemon of the test's own, on roots, socket, bridge and subnet that no other test shares. */
export interface TestEngine extends AsyncDisposable {
  /** Everything of this engine is below this folder. */
  readonly root: string;
  readonly socket: string;
  /** `unix://…`, for `DOCKER_HOST`. */
  readonly host: string;
  readonly pid: number;
  /** Runs our client against this engine. */
  berth(args: readonly string[], options?: CommandOptions): Promise<CommandResult>;
  /** Runs the real docker client against this engine. */
  docker(args: readonly string[], options?: CommandOptions): Promise<CommandResult>;
  /** One request of the API, without a version prefix unless the path has one. */
  api(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Response>;
  /** What the daemon has written to its log so far. */
  log(): string;
  /** SIGTERM, and the daemon's end; containers go on. */
  stop(): Promise<void>;
  /** SIGKILL: the crash. */
  kill(): Promise<void>;
  /** Starts the daemon again on the same roots. */
  start(options?: StartOptions): Promise<void>;
  /** Resolves when the daemon has ended by itself (a fault point). */
  ended(): Promise<number>;
}

export interface StartOptions {
  readonly args?: readonly string[];
  readonly env?: Record<string, string>;
  /** Start with no image at all. */
  readonly withoutImage?: boolean;
}

const READY_TIMEOUT_MS = 20_000;
/** How long a daemon that never got ready may take to end. */
const END_TIMEOUT_MS = 5_000;

/** The command of the real docker client, or null where none is installed. */
export const DOCKER = Bun.which("docker");

/**
 * With `BERTH_TEST_ENGINE=docker` the tests of Docker's own behaviour run against a real dockerd: what fails
 * there is a wrong test.
 */
export const AGAINST_DOCKER = process.env["BERTH_TEST_ENGINE"] === "docker";

/** Starts a daemon of `dist/berth` and gives it the test image. Dispose it: that also proves nothing was left. */
export async function startEngine(options: StartOptions = {}): Promise<TestEngine> {
  const engine = new BerthEngine(options);
  try {
    await engine.start();
    if (options.withoutImage !== true) await engine.importImage();
  } catch (error) {
    await engine.abandon();
    throw error;
  }
  return engine;
}

class BerthEngine implements TestEngine {
  readonly root = mkdtempSync(join(tmpdir(), "berth-test-"));
  readonly socket = join(this.root, "berth.sock");
  readonly host = `unix://${this.socket}`;
  readonly #logPath = join(this.root, "daemon.log");
  readonly #options: StartOptions;
  #daemon: Bun.Subprocess | undefined;

  constructor(options: StartOptions) {
    this.#options = options;
    mkdirSync(join(this.root, "config"));
  }

  get pid(): number {
    return this.#daemon?.pid ?? 0;
  }

  async start(options: StartOptions = {}): Promise<void> {
    const args = [...(this.#options.args ?? []), ...(options.args ?? [])];
    const logFile = Bun.file(this.#logPath);
    const before = (await logFile.exists()) ? logFile.size : 0;
    // A shell appends, so that the logs of several daemons of one test follow each other in one file.
    const command = `exec "$0" "$@" >>'${this.#logPath}' 2>&1`;
    this.#daemon = Bun.spawn(["/bin/sh", "-c", command, ...this.#daemonCommand(), ...args], {
      cwd: "/",
      env: { ...process.env, ...this.#options.env, ...options.env } as Record<string, string>,
      stdin: "ignore",
      stdout: "ignore",
      stderr: "ignore",
    });
    await this.#waitUntilReady(before);
  }

  #daemonCommand(): string[] {
    const roots = ["--data-root", join(this.root, "data"), "--exec-root", join(this.root, "exec")];
    if (!AGAINST_DOCKER) return [EXECUTABLE, "daemon", "-H", this.host, ...roots];
    const inOwnNetwork = ["unshare", "--net", "--", "sh", "-c", 'ip link set lo up; exec "$@"', "sh"];
    return [
      ...inOwnNetwork,
      "dockerd",
      "-H",
      this.host,
      ...roots,
      "--pidfile",
      join(this.root, "docker.pid"),
    ];
  }

  async #waitUntilReady(logOffset: number): Promise<void> {
    const deadline = Date.now() + READY_TIMEOUT_MS;
    while (Date.now() < deadline) {
      if (this.#daemon?.exitCode !== null || this.#daemon.signalCode !== null) break;
      try {
        await (await fetch("http://localhost/_ping", { unix: this.socket })).text();
        return;
      } catch {
        await Bun.sleep(10);
      }
    }
    throw new Error(`the daemon did not get ready:\n${this.log().slice(logOffset)}`);
  }

  async importImage(): Promise<void> {
    const [repository, tag] = IMAGE.split(":");
    const query = new URLSearchParams({ fromSrc: "-", repo: repository!, tag: tag!, changes: 'CMD ["sh"]' });
    const imported = await fetch(`http://localhost/v1.41/images/create?${query}`, {
      unix: this.socket,
      method: "POST",
      body: await busyboxRootTar(),
    });
    const text = await imported.text();
    if (!text.includes("sha256:")) throw new Error(`import of the test image failed: ${text}\n${this.log()}`);
  }

  berth(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    return this.#client([EXECUTABLE, ...args], options);
  }

  docker(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    if (DOCKER === null) throw new Error("no docker client is installed (Debian package docker.io)");
    return this.#client([DOCKER, ...args], options);
  }

  #client(command: string[], options: CommandOptions): Promise<CommandResult> {
    const env = {
      DOCKER_HOST: this.host,
      DOCKER_CONFIG: join(this.root, "config"),
      DOCKER_CLI_HINTS: "false",
      // For the locks of Compose's watches, which a watch that is killed leaves to the next one.
      XDG_RUNTIME_DIR: join(this.root, "config"),
    };
    return runCommand(command, { ...options, env: { ...env, ...options.env } });
  }

  api(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Response> {
    const json =
      body === undefined
        ? { headers }
        : { body: JSON.stringify(body), headers: { "Content-Type": "application/json", ...headers } };
    return fetch(`http://localhost${path}`, { unix: this.socket, method, ...json });
  }

  log(): string {
    try {
      return readFileSync(this.#logPath, "utf8");
    } catch {
      return "";
    }
  }

  async stop(): Promise<void> {
    this.#daemon?.kill("SIGTERM");
    await this.#daemon?.exited;
  }

  async kill(): Promise<void> {
    this.#daemon?.kill("SIGKILL");
    await this.#daemon?.exited;
  }

  async ended(): Promise<number> {
    return (await this.#daemon?.exited) ?? 0;
  }

  /** Takes away what a start that came to nothing has left. */
  async abandon(): Promise<void> {
    await Promise.race([this.stop(), Bun.sleep(END_TIMEOUT_MS)]);
    await this.kill();
    rmSync(this.root, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#daemon?.exitCode !== null || this.#daemon.signalCode !== null) await this.start();
    const listed = (await (await this.api("GET", "/containers/json?all=1")).json()) as { Id: string }[];
    await Promise.all(listed.map(({ Id }) => this.api("DELETE", `/containers/${Id}?force=1&v=1`)));
    await this.stop();
    const left = AGAINST_DOCKER ? [] : await leftovers(this.root);
    // Docker leaves its own namespace mounted once a container has had it.
    if (AGAINST_DOCKER) await runCommand(["umount", "-l", join(this.root, "exec/netns/default")]);
    // What is still mounted is not to be deleted through.
    if (AGAINST_DOCKER || left.length > 0) rmSync(this.root, { recursive: true, force: true });
    else removeDirectory(this.root);
    if (left.length > 0) throw new Error(`left behind by the engine at ${this.root}:\n${left.join("\n")}`);
  }
}

/** Runs a program to its end with its output collected. A time-out kills it and throws. */
export async function runCommand(
  command: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const timeoutMs = options.timeoutMs ?? 60_000;
  const child = Bun.spawn([...command], {
    cwd: options.cwd ?? "/",
    env: { ...process.env, ...options.env } as Record<string, string>,
    stdin: options.stdin === undefined ? "ignore" : new Response(options.stdin),
    stdout: "pipe",
    stderr: "pipe",
    timeout: timeoutMs,
    killSignal: "SIGKILL",
  });
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (child.signalCode === "SIGKILL") {
    throw new Error(`${command.join(" ")} did not end within ${timeoutMs} ms\n${stdout}${stderr}`);
  }
  return { code, stdout, stderr };
}
