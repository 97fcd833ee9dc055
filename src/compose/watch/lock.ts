import { lstatSync, mkdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { conflict } from "../../lib/index.ts";
import { type Engine, formatEndpoint } from "../../sdk/index.ts";

/**
 * Holds off a second watch of a project on this machine until it is disposed of, or the process ends however: two would copy
 * and build the same things at once. A file says which process watches; one that no longer runs holds nobody off.
 *
 * @throws Conflict while another process watches.
 */
export function lockWatch(engine: Engine, project: string): Disposable {
  const name = new Bun.CryptoHasher("sha256")
    .update(`${formatEndpoint(engine.endpoint)}\n${project}`)
    .digest("hex");
  const uid = process.getuid?.() ?? 0;
  const folder = join(process.env["XDG_RUNTIME_DIR"] || tmpdir(), `berth-watch-${uid}`);
  const path = join(folder, `${name}.pid`);
  const own = `${process.pid} ${startOf(process.pid) ?? ""}`;
  // More than once: what a process that has ended left may be in the way, or the folder may go with another project's lock.
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    try {
      makeOwn(folder, uid);
      writeFileSync(path, own, { flag: "wx", mode: 0o600 });
      return { [Symbol.dispose]: () => removeOwn(path, own) };
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ENOENT") continue;
      if (code !== "EEXIST") throw error;
      const holder = runningHolder(path);
      if (holder !== undefined) {
        throw conflict(
          `cannot take exclusive lock for project "${project}": process with PID ${holder} is still running`,
        );
      }
      rmSync(path, { force: true });
    }
  }
  throw conflict(`cannot take exclusive lock for project "${project}": another process is taking it`);
}

const ATTEMPTS = 3;

/** Ours alone: in a folder that others may write to, they could hold us off. */
function makeOwn(folder: string, uid: number): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { uid: owner, mode } = lstatSync(folder);
  if (owner !== uid || (mode & 0o022) !== 0) throw conflict(`${folder} belongs to somebody else: remove it`);
}

function runningHolder(path: string): string | undefined {
  try {
    const [, pid = "", start = ""] = /^(\d{1,10}) (\d*)$/.exec(readFileSync(path, "latin1")) ?? [];
    return pid !== "" && startOf(Number(pid)) === start ? pid : undefined;
  } catch {
    return undefined;
  }
}

/** When a process began, so that another one of the same number is told from it; undefined where there is none. */
function startOf(pid: number): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    return text.slice(text.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}

function removeOwn(path: string, own: string): void {
  try {
    if (readFileSync(path, "latin1") !== own) return;
    rmSync(path);
    rmdirSync(dirname(path));
  } catch {
    // Somebody has removed it, or another project is watched.
  }
}
