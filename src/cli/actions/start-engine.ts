import { spawn } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { DEFAULT_SOCKET, Engine } from "../../sdk/index.ts";
import type { Cli } from "../cli.ts";
import { ExitError } from "../errors.ts";

const READY_TIMEOUT_MS = 20_000;
/** How often the socket is tried. A daemon that has ended may have lost a race against another that comes up. */
const POLL_MS = 20;
const GRACE_AFTER_EXIT_MS = 1_000;

/**
 * Starts the engine in the background, for a client that found none at the default address, and waits until
 * it answers.
 * @returns false where this process may not start one, so that the connection's own error is shown.
 * @throws where the engine does not come up: with the end of its log.
 */
export async function startEngine(cli: Cli): Promise<boolean> {
  if (process.getuid?.() !== 0 || cli.env["BERTH_AUTOSTART"] === "0") return false;
  const log = logPath();
  cli.note(`No engine is running: starting one (its log is ${log})`);
  const from = existsSync(log) ? readFileSync(log).length : 0;
  const daemon = spawnDaemon(log);
  const deadline = Date.now() + READY_TIMEOUT_MS;
  while (Date.now() < deadline) {
    if (await answers()) return true;
    if (daemon.endedAt !== undefined && Date.now() - daemon.endedAt > GRACE_AFTER_EXIT_MS) break;
    await Bun.sleep(POLL_MS);
  }
  throw new ExitError(
    1,
    `The engine did not start.\n${lastLines(log, from)}\nRun 'berth daemon' to see more.`,
  );
}

function spawnDaemon(log: string): { endedAt: number | undefined } {
  const state: { endedAt: number | undefined } = { endedAt: undefined };
  const descriptor = openSync(log, "a", 0o640);
  try {
    // `detached` gives it a session of its own: the terminal's signals and its end do not reach it.
    const child = spawn(process.execPath, [...ownScript(), "daemon"], {
      cwd: "/",
      detached: true,
      stdio: ["ignore", descriptor, descriptor],
    });
    child.on("exit", () => {
      state.endedAt = Date.now();
    });
    child.unref();
  } finally {
    closeSync(descriptor);
  }
  return state;
}

/** The compiled program is its own script; run from source, the interpreter needs its name. */
function ownScript(): string[] {
  return Bun.main.startsWith("/$bunfs/") ? [] : [Bun.main];
}

async function answers(): Promise<boolean> {
  try {
    await new Engine({ kind: "unix", path: DEFAULT_SOCKET }).system.ping(AbortSignal.timeout(2_000));
    return true;
  } catch {
    return false;
  }
}

function logPath(): string {
  if (existsSync("/var/log")) return "/var/log/berth.log";
  mkdirSync("/var/lib/berth", { recursive: true, mode: 0o710 });
  return "/var/lib/berth/berth.log";
}

function lastLines(log: string, from: number): string {
  const text = readFileSync(log).subarray(from).toString().trim();
  return text.split("\n").slice(-10).join("\n");
}
