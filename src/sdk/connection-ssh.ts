import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { endWithThisProcess } from "./child-guard.ts";
import type { Connection } from "./connection.ts";
import type { SshEndpoint } from "./endpoint.ts";
import { HandshakeError } from "./errors.ts";
import { ReadQueue } from "./read-queue.ts";

/** What ssh says of itself is kept up to this length, for the error's text. */
const COMPLAINT_LENGTH_MAX = 4096;
/** How long a program that has closed its output may take to end, until it is told of without its exit code. */
const EXIT_GRACE_MS = 5_000;

/**
 * A connection through the program `ssh`, with whatever the user's configuration and agent say, to the client on the
 * engine's machine, which joins it to the engine's socket. The options are those of Docker's client; names that
 * could be options are refused when the address is read.
 * @throws HandshakeError where there is no `ssh`
 */
export async function dialWithSsh(endpoint: SshEndpoint): Promise<Connection> {
  const args = sshArguments(endpoint);
  // A session of its own: the terminal's interrupt is for this client, which may still need the connection.
  const child = spawn("ssh", args, { stdio: ["pipe", "pipe", "pipe"], detached: true });
  try {
    await once(child, "spawn");
  } catch (error) {
    throw new HandshakeError(`cannot run ssh: ${(error as Error).message}`, error);
  }
  return new SshConnection(child, ["ssh", ...args].join(" "));
}

/** Everything behind the host is one command of the other machine's shell. */
export function sshArguments({ host, user, port, path }: SshEndpoint): string[] {
  const socket = path === undefined ? [] : [`--host=${shellWord(`unix://${path}`)}`];
  return [
    ...["-o", "ConnectTimeout=30", "-T"],
    ...(user === undefined ? [] : ["-l", user]),
    ...(port === undefined ? [] : ["-p", String(port)]),
    ...["--", host, "berth", ...socket, "system", "dial-stdio"],
  ];
}

function shellWord(text: string): string {
  return /^[A-Za-z0-9_./:=@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

class SshConnection implements Connection {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #command: string;
  readonly #queue: ReadQueue;
  #complaint = "";
  #received = false;

  constructor(child: ChildProcessWithoutNullStreams, command: string) {
    this.#child = child;
    this.#command = command;
    const { stdin, stdout, stderr } = child;
    this.#queue = new ReadQueue((paused) => (paused ? stdout.pause() : stdout.resume()));
    stdout.on("data", (bytes: Buffer) => {
      this.#received = true;
      this.#queue.push(bytes);
    });
    stdout.on("end", () => void this.#finish());
    stdout.on("error", (error) => this.#queue.fail(error));
    stdin.on("error", () => {});
    stderr.on("data", (bytes: Buffer) => {
      this.#complaint = (this.#complaint + bytes.toString()).slice(-COMPLAINT_LENGTH_MAX);
    });
    // This client may end while a stream is open, and ssh would wait for the engine's next word.
    endWithThisProcess(child);
  }

  write(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#child.stdin.write(bytes, (error) => (error ? reject(error) : resolve()));
    });
  }

  end(): void {
    this.#child.stdin.end();
  }

  read(): Promise<Uint8Array | undefined> {
    return this.#queue.read();
  }

  close(reason: unknown = new Error("connection closed")): void {
    this.#queue.fail(reason);
    this.#child.stdin.destroy();
    this.#child.stdout.destroy();
    this.#child.kill();
  }

  /** An end without a byte is ssh's failure, or the other machine's: both say why. */
  async #finish(): Promise<void> {
    if (this.#received) return this.#queue.end();
    const { exitCode, signalCode } = this.#child;
    if (exitCode === null && signalCode === null) {
      await once(this.#child, "close", { signal: AbortSignal.timeout(EXIT_GRACE_MS) }).catch(() => {});
    }
    const status = this.#child.exitCode ?? this.#child.signalCode ?? "unknown";
    this.#queue.fail(
      new HandshakeError(
        `command [${this.#command}] has exited with exit status ${status}, make sure the URL is valid, and berth is installed on the remote host: stderr=${this.#complaint.trim()}`,
      ),
    );
  }
}
