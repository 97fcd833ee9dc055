import type { Cli } from "../cli.ts";
import type { Completion } from "../flags.ts";

const SIGNALS =
  "ABRT ALRM BUS CHLD CONT FPE HUP ILL INT IO KILL PIPE PROF PWR QUIT SEGV STOP SYS TERM TRAP TSTP TTIN TTOU URG USR1 USR2 VTALRM WINCH XCPU XFSZ";

/** The names that exist now; none where the engine does not answer. */
export async function namesFor(
  cli: Cli,
  kind: Exclude<Completion, readonly string[]>,
): Promise<readonly string[]> {
  try {
    return await ask(cli, kind);
  } catch (error) {
    cli.debug(`no names: ${(error as Error).message}`);
    return [];
  }
}

async function ask(cli: Cli, kind: Exclude<Completion, readonly string[]>): Promise<readonly string[]> {
  switch (kind) {
    case "signals":
      return SIGNALS.split(" ");
    case "environment":
      return Object.keys(cli.env);
    case "files":
      return [];
    case "containers":
    case "all-containers": {
      const containers = await (await cli.engine()).containers.list({ all: kind === "all-containers" });
      return containers.flatMap(({ Names }) =>
        Names.map((name) => name.slice(1)).filter((name) => !name.includes("/")),
      );
    }
    case "images": {
      const tags = (await (await cli.engine()).images.list()).flatMap(({ RepoTags }) => RepoTags ?? []);
      const named = tags.filter((tag) => tag !== "<none>:<none>");
      return [...new Set([...named.map((tag) => tag.replace(/:latest$/, "")), ...named])].sort();
    }
    case "volumes":
      return ((await (await cli.engine()).volumes.list()).Volumes ?? []).map(({ Name }) => Name);
    case "contexts": {
      const { ContextStore } = await import("../contexts/store.ts");
      const contexts = await new ContextStore(cli.configDirectory).list();
      return ["default", ...contexts.map(({ name }) => name).sort()];
    }
    case "networks":
      return (await (await cli.engine()).networks.list()).map(({ Name }) => Name);
  }
}
