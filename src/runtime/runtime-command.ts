import { rmSync } from "node:fs";
import { join } from "node:path";
import { newId, systemError } from "../lib/index.ts";
import type { Dialect } from "./dialects.ts";
import { lastLoggedError } from "./failures.ts";
import { RUNTIME_ENVIRONMENT } from "./programs.ts";

/** A runtime's program with the options that every call of it has. */
export interface RuntimeProgram {
  /** Where it is installed, for messages. */
  readonly path: string;
  /** What is executed, with the arguments that every call of it begins with: it, or its sealed copy, and the user's own. */
  readonly command: readonly [executable: string, ...args: string[]];
  /** Its state directory (`--root`). */
  readonly root: string;
  /** A directory of ours for its log files. */
  readonly logs: string;
  readonly dialect: Dialect;
}

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  /** The last error that it logged, else what it wrote to stderr. */
  readonly error: string;
}

/** A command that takes longer hangs; it is killed. */
const COMMAND_LIMIT_MS = 60_000;

/** Runs `runtime --root … <args>` and waits for it. */
export async function runCommand(
  program: RuntimeProgram,
  args: readonly string[],
  o: { stdin?: string; signal?: AbortSignal } = {},
): Promise<CommandResult> {
  const logPath = join(program.logs, `${newId().slice(0, 16)}.log`);
  try {
    const child = Bun.spawn([...program.command, ...globalOptions(program, logPath), ...args], {
      cwd: "/",
      env: RUNTIME_ENVIRONMENT,
      stdio: [o.stdin === undefined ? "ignore" : Buffer.from(o.stdin), "pipe", "pipe"],
      timeout: COMMAND_LIMIT_MS,
      killSignal: "SIGKILL",
      signal: o.signal,
    });
    const [code, stdout, stderr] = await Promise.all([
      child.exited,
      child.stdout.text(),
      child.stderr.text(),
    ]);
    return { code, stdout, error: lastLoggedError(logPath, program.dialect) ?? stderr.trim() };
  } finally {
    rmSync(logPath, { force: true });
  }
}

/** As `runCommand`. @throws System with the runtime's words when it fails */
export async function mustRunCommand(
  program: RuntimeProgram,
  args: readonly string[],
  o: { stdin?: string; signal?: AbortSignal } = {},
): Promise<string> {
  const result = await runCommand(program, args, o);
  if (result.code !== 0) throw systemError(result.error || `${program.path} ${args[0]} failed`);
  return result.stdout;
}

export function globalOptions({ root, dialect }: RuntimeProgram, logPath: string): string[] {
  return ["--root", root, "--log", logPath, "--log-format", dialect.logFormat];
}
