import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Agents by name; those that were started for their keys end when it is disposed of. */
export interface SshAgents extends Disposable {
  readonly sockets: ReadonlyMap<string, string>;
}

/**
 * Reads `--ssh default|name[=socket|key,…]`: an agent's socket, that of the environment, or keys, for which an agent is started.
 * @throws with Docker's words
 */
export function openSshAgents(
  specs: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): SshAgents {
  const sockets = new Map<string, string>();
  using stack = new DisposableStack();
  for (const spec of specs) {
    const at = spec.indexOf("=");
    const id = (at < 0 ? spec : spec.slice(0, at)) || "default";
    const paths =
      at < 0
        ? []
        : spec
            .slice(at + 1)
            .split(",")
            .filter((path) => path !== "");
    if (sockets.has(id)) throw new Error(`duplicate ssh forward key ${id}`);
    sockets.set(id, socketOf(paths, env, stack));
  }
  const started = stack.move();
  return { sockets, [Symbol.dispose]: () => started.dispose() };
}

function socketOf(
  paths: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  stack: DisposableStack,
): string {
  const given = paths.length === 0 ? [env["SSH_AUTH_SOCK"] ?? ""] : paths;
  if (given[0] === "") throw new Error("invalid empty ssh agent socket: make sure SSH_AUTH_SOCK is set");
  const stats = given.map((path) => statSync(path, { throwIfNoEntry: false }));
  for (const [index, stat] of stats.entries()) {
    if (stat === undefined)
      throw new Error(`could not parse ssh: stat ${given[index]}: no such file or directory`);
  }
  if (stats.every((stat) => stat!.isSocket())) {
    if (given.length > 1)
      throw new Error("could not parse ssh: only one agent's socket may be given for a name");
    return given[0]!;
  }
  return startAgent(given, stack);
}

function startAgent(keys: readonly string[], stack: DisposableStack): string {
  const folder = mkdtempSync(join(tmpdir(), "berth-ssh-"));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const socket = join(folder, "agent");
  const agent = Bun.spawn(["ssh-agent", "-D", "-a", socket], { stdio: ["ignore", "ignore", "ignore"] });
  stack.defer(() => agent.kill());
  for (
    let attempt = 0;
    attempt < 200 && statSync(socket, { throwIfNoEntry: false }) === undefined;
    attempt++
  ) {
    Bun.sleepSync(5);
  }
  const added = Bun.spawnSync(["ssh-add", "-q", ...keys], {
    env: { PATH: process.env["PATH"] ?? "", SSH_AUTH_SOCK: socket, SSH_ASKPASS_REQUIRE: "never" },
    stdin: "ignore",
  });
  if (!added.success)
    throw new Error(`could not parse ssh: ${keys.join(",")}: ${added.stderr.toString().trim()}`);
  return socket;
}
