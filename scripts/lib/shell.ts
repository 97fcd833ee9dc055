import { join } from "node:path";

/** The checkout's top folder. */
export const ROOT = join(import.meta.dir, "..", "..");
/** The Bun that runs this script, for the processes it starts. */
export const BUN = process.execPath;
export const EXECUTABLE = join(ROOT, "dist", "berth");

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly stdin?: Uint8Array;
  readonly cwd?: string;
  /** Beside this process's own. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs a command to its end and collects its output; never throws for a failing exit code. */
export async function run(command: string[], options: RunOptions = {}): Promise<Ran> {
  const child = Bun.spawn(command, {
    cwd: options.cwd ?? ROOT,
    env: { ...process.env, ...options.env },
    stdin: options.stdin ?? "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { code, stdout, stderr };
}

/** Like `run`, but a failure ends the script with the command's own words. */
export async function mustRun(command: string[], options: RunOptions = {}): Promise<string> {
  const ran = await run(command, options);
  if (ran.code === 0) return ran.stdout;
  fail(`${command.join(" ")} failed with exit code ${ran.code}:\n${ran.stderr || ran.stdout}`);
}

export function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

export function fail(text: string): never {
  process.stderr.write(`${text}\n`);
  process.exit(1);
}
