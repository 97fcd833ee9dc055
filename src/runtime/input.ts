import { constants, open } from "node:fs/promises";
import { join } from "node:path";
import { conflict, systemError } from "../lib/index.ts";
import { connectSeqpacket, LinuxError, type SeqpacketSocket } from "../linux/index.ts";
import { codeOf } from "./cgroups/files.ts";
import type { ContainerInput } from "./contract.ts";

/**
 * Opens a container's standard input (or the terminal's keyboard) through its monitor.
 * @throws Conflict where the container has ended
 */
export async function openInput(bundle: string): Promise<ContainerInput> {
  try {
    const socket = connectSeqpacket(join(bundle, "attach"));
    return new MonitorInput(socket);
  } catch (error) {
    if (error instanceof LinuxError) throw conflict("the container is not running", error);
    throw error;
  }
}

class MonitorInput implements ContainerInput {
  readonly #socket: SeqpacketSocket;

  constructor(socket: SeqpacketSocket) {
    this.#socket = socket;
  }

  /** Bytes for a process that has ended are dropped, as a terminal's would be. */
  async write(bytes: Uint8Array): Promise<void> {
    try {
      await this.#socket.write(bytes);
    } catch (error) {
      if (!(error instanceof LinuxError)) throw error;
    }
  }

  /** Whether the process then reads end-of-file is the container's choice (`StdinOnce`). */
  end(): void {
    this.#socket.shutdownWrite();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close();
  }
}

/** Larger windows the monitor refuses to believe in. */
const MAX_WINDOW = 1000;

/** Sets the size of a container's terminal; of a container that has none or has ended, nothing. */
export async function resizeTerminal(bundle: string, rows: number, columns: number): Promise<void> {
  const clamp = (value: number) => Math.max(0, Math.min(MAX_WINDOW, Math.trunc(value)));
  await control(bundle, `1 ${clamp(rows)} ${clamp(columns)}\n`);
}

/** Makes the monitor open its log file anew, by name, after the old one was renamed. */
export async function reopenLog(bundle: string): Promise<void> {
  await control(bundle, "2 0 0\n");
}

/** Not waiting for a reader: the fifo of a monitor that has ended has none, or, if it ends just now, has it no longer. */
async function control(bundle: string, line: string): Promise<void> {
  try {
    await using fifo = await open(join(bundle, "ctl"), constants.O_WRONLY | constants.O_NONBLOCK);
    const { bytesWritten } = await fifo.write(line);
    if (bytesWritten !== line.length) throw systemError("the container monitor does not listen");
  } catch (error) {
    if (["ENXIO", "ENOENT", "EPIPE"].includes(codeOf(error) ?? "")) return;
    throw error;
  }
}
