import { STDERR } from "../../lib/index.ts";
import type { AttachedStream } from "../../sdk/index.ts";
import type { Cli } from "../cli.ts";
import { DEFAULT_DETACH_KEYS, DetachMatcher, parseDetachKeys } from "./detach-keys.ts";
import { Sink } from "./sink.ts";
import { standardInput } from "./stdin.ts";
import { makeRaw } from "./tty.ts";

export interface SessionOptions {
  /** Send our standard input. */
  readonly stdin: boolean;
  /** Show what the process prints. */
  readonly output: boolean;
  /** Empty: ctrl-p, ctrl-q. */
  readonly detachKeys: string;
}

/** How a session ended: the process's streams did, or the person left it. */
export type SessionEnd = "ended" | "detached";

/**
 * Joins this process's standard streams to those of a container or an exec'd process. With a tty, the
 * terminal is raw meanwhile.
 */
export async function runSession(
  cli: Cli,
  stream: AttachedStream,
  options: SessionOptions,
): Promise<SessionEnd> {
  const restore = options.stdin && stream.tty ? makeRaw() : () => {};
  try {
    const output = options.output ? showOutput(stream).then(() => "ended" as const) : undefined;
    const input = sendInput(cli, stream, options, restore);
    // A detach ends the session at once; the end of our input does not end the process's output.
    const detached = new Promise<SessionEnd>((resolve, reject) => {
      input.then((end) => {
        if (end === "detached" || output === undefined) resolve(end);
      }, reject);
    });
    return await (output === undefined ? detached : Promise.race([output, detached]));
  } finally {
    restore();
    stream.close();
  }
}

async function showOutput(stream: AttachedStream): Promise<void> {
  const stdout = new Sink(1);
  const stderr = new Sink(2);
  for await (const { stream: from, bytes } of stream.output) {
    await (from === STDERR ? stderr : stdout).write(bytes);
  }
  await stdout.flush();
  await stderr.flush();
}

async function sendInput(
  cli: Cli,
  stream: AttachedStream,
  options: SessionOptions,
  restore: () => void,
): Promise<SessionEnd> {
  if (options.stdin) {
    const keys = stream.tty ? detachSequence(cli, options.detachKeys) : new Uint8Array(0);
    const matcher = new DetachMatcher(keys);
    try {
      for await (const typed of standardInput()) {
        const { pass, detached } = matcher.push(typed);
        if (pass.length > 0) await stream.write(pass);
        if (detached) return "detached";
      }
    } catch (error) {
      // The process no longer reads. Its output says how it ended.
      cli.debug(`end of input: ${(error as Error).message}`);
    }
    restore();
  }
  stream.end();
  return "ended";
}

function detachSequence(cli: Cli, text: string): Uint8Array {
  if (text === "") return DEFAULT_DETACH_KEYS;
  try {
    return parseDetachKeys(text);
  } catch (error) {
    cli.note(`WARNING: invalid detach escape keys, using default: ${(error as Error).message}`);
    return DEFAULT_DETACH_KEYS;
  }
}
