import { createReadStream, existsSync } from "node:fs";
import { join } from "node:path";

/** The machine, or the tree of one, that is changed. Commands that change it are run here, or told of. */
export interface Machine {
  /** Stands before every path; empty for this machine. */
  readonly root: string;
  /** Nothing is changed: what would be is told. */
  readonly dryRun: boolean;
  /** `running`: units can be started; `there`: enabled; `absent`: there is none. Of another tree: `there`, and not asked. */
  readonly systemd: "running" | "there" | "absent";
  /** A line for the person. */
  say(line: string): void;
  /** Runs a program of the system. @throws where it fails, with what it said */
  run(...command: string[]): Promise<void>;
}

/** The path of a file of that machine, from here. */
export function at(machine: Machine, path: string): string {
  return machine.root === "" ? path : join(machine.root, path);
}

/** Runs, or says what would be run. */
export async function act(machine: Machine, ...command: string[]): Promise<void> {
  if (machine.dryRun) machine.say(`would run: ${command.join(" ")}`);
  else await machine.run(...command);
}

const SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export function thisMachine(options: {
  readonly root: string;
  readonly dryRun: boolean;
  readonly say: (line: string) => void;
}): Machine {
  return { ...options, systemd: systemdOf(options.root), run: runProgram };
}

function systemdOf(root: string): Machine["systemd"] {
  if (root !== "") return "there";
  if (existsSync("/run/systemd/system")) return "running";
  return findProgram("systemctl") === undefined ? "absent" : "there";
}

/** In root's folders, whatever the caller's PATH is. */
export function findProgram(name: string): string | undefined {
  return Bun.which(name, { PATH: SYSTEM_PATH }) ?? undefined;
}

async function runProgram(...[name = "", ...args]: string[]): Promise<void> {
  const path = findProgram(name);
  if (path === undefined) throw new Error(`${name} is not installed`);
  const child = Bun.spawn([path, ...args], {
    cwd: "/",
    env: { PATH: SYSTEM_PATH, LC_ALL: "C.UTF-8" },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const [complaint, code] = await Promise.all([child.stderr.text(), child.exited]);
  if (code !== 0)
    throw new Error(`${[name, ...args].join(" ")} failed: ${complaint.trim() || `exit code ${code}`}`);
}

/** A file's SHA-256 in hexadecimal; undefined where there is none. */
export async function hashOf(path: string): Promise<string | undefined> {
  if (!existsSync(path)) return undefined;
  const hasher = new Bun.CryptoHasher("sha256");
  for await (const bytes of createReadStream(path, { highWaterMark: 1 << 20 }))
    hasher.update(bytes as Buffer);
  return hasher.digest("hex");
}
