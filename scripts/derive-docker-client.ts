// Draws the names of commands and flags out of the `--help` of Docker's client, as the facts that the tests and
// `docs/cli-differences.md` compare our client with: bun scripts/derive-docker-client.ts <docker>
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type ClientCommand,
  type ClientFlag,
  DOCKER_CLIENT_PATH,
  type DockerClient,
} from "../test/command-line/docker-client.ts";
import { fail, mustRun, run } from "./lib/shell.ts";

const docker = process.argv[2] ?? fail("usage: bun scripts/derive-docker-client.ts <docker>");
// Neither somebody's configuration nor an engine may show or hide anything.
const config = mkdtempSync(join(tmpdir(), "berth-docker-client-"));
const env = { DOCKER_CONFIG: config, DOCKER_HOST: `unix://${config}/none.sock`, DOCKER_CLI_HINTS: "false" };
const commands: Record<string, ClientCommand> = {};
const swarm: string[] = [];

/** Paragraphs of a help text by their titles; what stands before the first one is under "". */
function sectionsOf(help: string): Map<string, string[]> {
  const sections = new Map<string, string[]>([["", []]]);
  let title = "";
  for (const line of help.split("\n")) {
    const heading = /^([A-Z][A-Za-z ]*):$/.exec(line);
    if (heading !== null) title = heading[1]!;
    else sections.set(title, [...(sections.get(title) ?? []), line]);
    if (heading !== null) sections.set(title, []);
  }
  return sections;
}

function flagsOf(lines: readonly string[]): Record<string, ClientFlag> {
  return Object.fromEntries(
    lines.flatMap((line): [string, ClientFlag][] => {
      const match = /^ {2}(?:-(\w), | {4})--([\w-]+)(?: (\S+))?(?: {2}|$)/.exec(line);
      if (match === null) return [];
      const [, short, name = "", type = ""] = match;
      return [[name, { ...(short === undefined ? {} : { short }), type }]];
    }),
  );
}

async function visit(path: readonly string[]): Promise<void> {
  const help = (await run([docker, ...path, "--help"], { env })).stdout;
  const sections = sectionsOf(help);
  const name = path.join(" ");
  const usage = new RegExp(`^Usage: {2}docker ?${name} ?(.*)$`, "m").exec(help)?.[1] ?? "";
  const children = [...sections].filter(([title]) => title.endsWith("Commands"));
  const flags = flagsOf(sections.get("Options") ?? sections.get("Global Options") ?? []);
  if (children.length === 0 || path.length === 0) {
    const aliases = (sections.get("Aliases") ?? []).join(" ").split(",");
    const spelled = aliases.map((one) => one.trim().replace(/^docker /, "")).filter((one) => one !== "");
    // One that has several names says the same under each.
    if (spelled.length === 0 || spelled[0] === name) {
      commands[name] = { usage, flags, spellings: spelled.length === 0 ? [name] : spelled };
    }
  }
  for (const [title, lines] of children) {
    for (const line of lines) {
      const child = /^ {2}([\w-]+)\*? /.exec(line)?.[1];
      if (child === undefined || line.includes(`${child}*`)) continue;
      if (title === "Swarm Commands") swarm.push(child);
      else await visit([...path, child]);
    }
  }
}

try {
  await visit([]);
  const version = /version (\d+\.\d+)/.exec(await mustRun([docker, "--version"]))?.[1] ?? "";
  const sorted = Object.fromEntries(Object.entries(commands).sort(([a], [b]) => (a < b ? -1 : 1)));
  const client: DockerClient = { version, commands: sorted, swarm };
  writeFileSync(DOCKER_CLIENT_PATH, `${JSON.stringify(client)}\n`);
} finally {
  rmSync(config, { recursive: true, force: true });
}
