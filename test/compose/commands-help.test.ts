// The commands and flags of compose beside those of Docker Compose, as its own help tells them.
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { COMMANDS } from "../../src/cli/compose/commands.ts";
import { COMPOSE_FLAGS } from "../../src/cli/compose/flags.ts";
import type { Flag, Flags } from "../../src/cli/flags.ts";

interface FlagFacts {
  readonly short?: string;
  readonly type: string;
  readonly default?: string;
}

interface CommandFacts {
  readonly usage: string;
  readonly flags: Readonly<Record<string, FlagFacts>>;
}

/** What `docker-compose COMMAND --help` of version 5 says of each command; the empty name is `docker-compose` itself. */
const DOCKER_COMPOSE: Readonly<Record<string, CommandFacts>> = (
  JSON.parse(readFileSync(join(import.meta.dir, "docker-compose.json"), "utf8")) as {
    commands: Record<string, CommandFacts>;
  }
).commands;

/** Every difference, with its reason. */
const REASONS: Readonly<Record<string, string>> = {
  "bridge: usage": "refused: berth makes no other models of Compose files",
  "publish: usage": "refused: berth puts no Compose files into registries",
  "publish --app: missing": "refused",
  "publish --oci-version: missing": "refused",
  "publish --resolve-image-digests: missing": "refused",
  "publish --with-env: missing": "refused",
  "publish --yes: missing": "refused",
  "up --plan: addition": "shows what would be done, and why",
  "graph: addition": "the application as text or picture",
  "install-plugin: addition": "docker compose runs berth's compose",
  "why: addition": "which attribute makes a container be made anew",
};

function factsOf({ short, type, shownDefault }: Flag): FlagFacts {
  return {
    ...(short !== undefined && { short }),
    type,
    ...(shownDefault !== undefined && { default: shownDefault }),
  };
}

function flagDifferences(name: string, theirs: CommandFacts["flags"], ours: Flags): string[] {
  const found: string[] = [];
  for (const [flag, facts] of Object.entries(theirs)) {
    // Every command has it; it is added where they are called.
    if (flag === "dry-run") continue;
    const own = ours[flag];
    if (own === undefined) found.push(`${name} --${flag}: missing`);
    else if (!Bun.deepEquals(factsOf(own), facts))
      found.push(`${name} --${flag}: ${JSON.stringify(facts)} is ${JSON.stringify(factsOf(own))}`);
  }
  for (const [flag, { hidden }] of Object.entries(ours)) {
    if (hidden !== true && flag !== "dry-run" && theirs[flag] === undefined)
      found.push(`${name} --${flag}: addition`);
  }
  return found;
}

test("every command and flag of Docker Compose is there, but for what is told with a reason", async () => {
  const found: string[] = [];
  for (const [name, { usage, flags }] of Object.entries(DOCKER_COMPOSE)) {
    if (name === "") {
      found.push(...flagDifferences("", flags, COMPOSE_FLAGS));
      continue;
    }
    const leaf = COMMANDS[name];
    if (leaf === undefined) {
      found.push(`${name}: missing`);
      continue;
    }
    const { command } = await leaf.load();
    if (command.usage.split("\n")[0] !== usage) found.push(`${name}: usage`);
    found.push(...flagDifferences(name, flags, command.flags));
  }
  for (const [name, { hidden }] of Object.entries(COMMANDS)) {
    if (hidden !== true && DOCKER_COMPOSE[name] === undefined) found.push(`${name}: addition`);
  }
  expect(found.sort()).toEqual(Object.keys(REASONS).sort());
});

test("no two flags of a command share a letter", async () => {
  for (const [name, leaf] of Object.entries(COMMANDS)) {
    const { flags } = (await leaf.load()).command;
    const letters = Object.values(flags).flatMap(({ short }) => (short === undefined ? [] : [short]));
    expect({ name, letters: new Set(letters).size }).toEqual({ name, letters: letters.length });
  }
});
