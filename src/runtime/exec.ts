import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { newId, systemError } from "../lib/index.ts";
import { removeDirectory } from "../linux/index.ts";
import { ensureAppArmorProfile } from "./apparmor.ts";
import type { ExecProcess, ExecRequest, HostFacts } from "./contract.ts";
import { withOwnNotes } from "./exec-notes.ts";
import { startPipedExec } from "./exec-piped.ts";
import { DEFAULT_SIZE, startTerminalExec } from "./exec-terminal.ts";
import type { RuntimeProgram } from "./runtime-command.ts";
import { exactNumbers } from "./spec/build.ts";
import { ociProcess } from "./spec/process.ts";
import type { UlimitRequest } from "./spec/rlimits.ts";

export interface ExecHost {
  readonly conmonPath: string;
  readonly execRoot: string;
  readonly facts: HostFacts;
  readonly program: RuntimeProgram;
  readonly defaultUlimits?: readonly UlimitRequest[];
}

/** What both ways of starting a process share. */
export interface ExecStart {
  readonly containerId: string;
  readonly request: ExecRequest;
  readonly host: ExecHost;
  /** A directory of ours, gone when the process has started or failed to. */
  readonly directory: string;
  readonly specPath: string;
  readonly pidPath: string;
  readonly logPath: string;
}

/**
 * Runs a process in a container. Without a terminal conmon is its parent, as it is the container's, but hands it our
 * pipes as they are: no copying, and the exit code is known also where children of the process hold its output
 * open. With one, the runtime makes the terminal in the container and hands its other end over.
 */
export async function startExec(
  containerId: string,
  request: ExecRequest,
  host: ExecHost,
): Promise<ExecProcess> {
  request.signal?.throwIfAborted();
  if (host.conmonPath === "") throw systemError("conmon is not installed");
  const process = ociProcess({
    ...request,
    // Also where nobody said any: a program must not find a window without size before it is told better.
    consoleSize: request.consoleSize ?? DEFAULT_SIZE,
    defaultUlimits: host.defaultUlimits,
    facts: host.facts,
  });
  await ensureAppArmorProfile(process.apparmorProfile);
  const directory = join(host.execRoot, "tmp", `exec-${newId().slice(0, 16)}`);
  mkdirSync(directory, { mode: 0o700 });
  try {
    const start: ExecStart = {
      containerId,
      request,
      host: { ...host, program: withOwnNotes(host.program, containerId, directory) },
      directory,
      specPath: join(directory, "process.json"),
      pidPath: join(directory, "pid"),
      logPath: join(directory, "log"),
    };
    writeFileSync(start.specPath, JSON.stringify(process, exactNumbers), { mode: 0o600 });
    return await (request.tty ? startTerminalExec(start) : startPipedExec(start));
  } finally {
    removeDirectory(directory);
  }
}
