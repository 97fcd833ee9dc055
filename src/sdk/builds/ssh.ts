import { type ChildProcess, spawn } from "node:child_process";
import { statSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Undo } from "../undo.ts";

/** Agents by name. */
export type SshAgents = ReadonlyMap<string, string>;

/**
 * Reads `default|name[=socket|key,…]`: an agent's socket, that of the environment, or keys, for which an agent is started that
 * ends with the build.
 * @throws with Docker's words
 */
export async function openSshAgents(specs: readonly string[], undo: Undo): Promise<SshAgents> {
  const sockets = new Map<string, string>();
  for (const spec of specs) {
    const at = spec.indexOf("=");
    const id = (at < 0 ? spec : spec.slice(0, at)) || "default";
    const given = at < 0 ? [] : spec.slice(at + 1).split(",");
    const paths = given.filter((path) => path !== "");
    if (sockets.has(id)) throw new Error(`duplicate ssh forward key ${id}`);
    sockets.set(id, await socketOf(paths, undo));
  }
  return sockets;
}

async function socketOf(paths: readonly string[], undo: Undo): Promise<string> {
  const given = paths.length === 0 ? [process.env["SSH_AUTH_SOCK"] ?? ""] : paths;
  if (given[0] === "") throw new Error("invalid empty ssh agent socket: make sure SSH_AUTH_SOCK is set");
  const stats = given.map((path) => statSync(path, { throwIfNoEntry: false }));
  for (const [index, stat] of stats.entries()) {
    if (stat === undefined)
      throw new Error(`could not parse ssh: stat ${given[index]}: no such file or directory`);
  }
  if (!stats.every((stat) => stat!.isSocket())) return startAgent(given, undo);
  if (given.length > 1)
    throw new Error("could not parse ssh: only one agent's socket may be given for a name");
  return given[0]!;
}

async function startAgent(keys: readonly string[], undo: Undo): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "berth-ssh-"));
  undo.defer(() => rm(folder, { recursive: true, force: true }));
  const socket = join(folder, "agent");
  const agent = spawn("ssh-agent", ["-D", "-a", socket], { stdio: ["ignore", "pipe", "ignore"] });
  undo.defer(() => void agent.kill());
  await untilReady(agent);
  const env = { PATH: process.env["PATH"] ?? "", SSH_AUTH_SOCK: socket, SSH_ASKPASS_REQUIRE: "never" };
  const added = spawn("ssh-add", ["-q", ...keys], { env, stdio: ["ignore", "ignore", "pipe"] });
  const { code, complaint } = await endOf(added);
  if (code !== 0) throw new Error(`could not parse ssh: ${keys.join(",")}: ${complaint.trim()}`);
  return socket;
}

/** It prints how to reach it when it listens. */
function untilReady(agent: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    agent.stdout?.once("data", () => resolve());
    agent.once("error", (error) => reject(new Error(`cannot run ssh-agent: ${error.message}`)));
    agent.once("close", () => reject(new Error("ssh-agent ended before it listened")));
  });
}

function endOf(child: ChildProcess): Promise<{ code: number | null; complaint: string }> {
  let complaint = "";
  child.stderr?.on("data", (bytes: Buffer) => {
    complaint += bytes.toString();
  });
  return new Promise((resolve, reject) => {
    child.once("error", (error) => reject(new Error(`cannot run ssh-add: ${error.message}`)));
    child.once("close", (code) => resolve({ code, complaint }));
  });
}
