import { writeFileSync } from "node:fs";
import type { Query } from "../../sdk/index.ts";
import type { Ulimit } from "../../wire/index.ts";
import { allCredentials } from "../actions/credentials.ts";
import { openContext } from "../build/context.ts";
import type { Cli } from "../cli.ts";
import { bool, bytes, type Flag, int, list, string, strings, type Values } from "../flags.ts";
import { checkExtraHost, checkLabel } from "../options/checks.ts";
import { checkContentTrust } from "../options/content-trust.ts";
import { checkEnv, pairsToRecord } from "../options/environment.ts";
import { parseUlimit } from "../options/resources.ts";
import { showProgress } from "../show/progress.ts";
import { defineCommand, exactly } from "../spec.ts";
import { isTerminal, terminalSize } from "../terminal/tty.ts";
import { parseReference } from "../text/reference.ts";

const ULIMITS: Flag<readonly Ulimit[]> = {
  type: "ulimit",
  description: "Set a limit of the steps' processes (name=soft[:hard])",
  initial: [],
  take: (text, before) => [...before, parseUlimit(text)],
};

const FLAGS = {
  "add-host": list("Add a host to /etc/hosts (host:ip)", { check: checkExtraHost }),
  "build-arg": list("Set a variable of the build", { check: (text) => checkEnv(text) }),
  "cache-from": strings("Images whose layers may be used again"),
  "cgroup-parent": string("Parent of the steps' cgroups"),
  compress: bool("Compress the context with gzip"),
  "cpu-period": int("Period of the CPU scheduler, in microseconds"),
  "cpu-quota": int("CPU time a period, in microseconds"),
  "cpu-shares": int("Weight for CPU time", { short: "c" }),
  "cpuset-cpus": string("CPUs to run on (0-3, 0,1)"),
  "cpuset-mems": string("Memory nodes to use (0-3, 0,1)"),
  "disable-content-trust": bool("Do not verify images' signatures", { initial: true }),
  file: string("Dockerfile (PATH/Dockerfile unless told)", { short: "f", complete: "files" }),
  "force-rm": bool("Always remove the steps' containers"),
  iidfile: string("File to write the image's id to", { complete: "files" }),
  isolation: string("Isolation technology"),
  label: list("Give the image a label", { check: checkLabel }),
  memory: bytes("Limit of memory", { short: "m" }),
  "memory-swap": bytes("Limit of memory and swap together; -1: unlimited swap", { unlimited: true }),
  network: string("Network of the steps", { initial: "default" }),
  "no-cache": bool("Use nothing of former builds"),
  platform: string("Platform of the image (os[/arch[/variant]])"),
  pull: bool("Look for newer versions of the images used"),
  quiet: bool("Only print the image's id", { short: "q" }),
  rm: bool("Remove the steps' containers after success", { initial: true }),
  "security-opt": strings("Security option"),
  "shm-size": bytes("Size of /dev/shm"),
  squash: bool("Make one layer of the new ones"),
  tag: list("Name of the image (name:tag)", { short: "t", check: checkTag }),
  target: string("Stage of the Dockerfile to build"),
  ulimit: ULIMITS,
};

type BuildFlags = Values<typeof FLAGS>;

export const command = defineCommand({
  summary: "Build an image from a Dockerfile",
  usage: "[OPTIONS] PATH | URL | -",
  arity: exactly(1),
  complete: "files",
  flags: FLAGS,
  async run({ cli, args, flags }) {
    checkContentTrust(flags);
    const context = await openContext(args[0]!, flags.file);
    const query = { ...queryOf(cli, flags), dockerfile: context.dockerfile, remote: context.remote };
    const tar = context.tar === undefined || !flags.compress ? context.tar : compressed(context.tar);
    const headers = { "Content-Type": "application/x-tar", "X-Registry-Config": await registryConfig(cli) };
    const progress = await (await cli.engine()).images.build(query, tar, headers);
    let id = "";
    let quietText = "";
    const collect = (text: string) => {
      quietText += text;
    };
    await showProgress(progress, {
      print: flags.quiet ? collect : cli.output.print,
      isTerminal: !flags.quiet && isTerminal(1),
      columns: terminalSize().columns || 80,
      onAux: (aux) => {
        id = (aux as { ID?: string }).ID ?? id;
      },
    }).catch((error: unknown) => {
      // What was held back says why.
      cli.output.warn(quietText);
      throw error;
    });
    if (flags.quiet) cli.line(id === "" ? quietText.trim() : id);
    if (flags.iidfile !== "") writeFileSync(flags.iidfile, id);
  },
});

function checkTag(text: string): string {
  parseReference(text);
  return text;
}

function queryOf(cli: Cli, flags: BuildFlags): Query {
  const json = (value: object) => (Object.keys(value).length === 0 ? undefined : JSON.stringify(value));
  return {
    t: flags.tag,
    extrahosts: flags["add-host"].join(","),
    buildargs: json(buildArguments(flags["build-arg"])),
    cachefrom: json(flags["cache-from"]),
    cgroupparent: flags["cgroup-parent"],
    cpuperiod: flags["cpu-period"] || undefined,
    cpuquota: flags["cpu-quota"] || undefined,
    cpushares: flags["cpu-shares"] || undefined,
    cpusetcpus: flags["cpuset-cpus"],
    cpusetmems: flags["cpuset-mems"],
    forcerm: flags["force-rm"],
    isolation: flags.isolation,
    labels: json(pairsToRecord(flags.label)),
    memory: flags.memory || undefined,
    memswap: flags["memory-swap"] || undefined,
    networkmode: flags.network,
    nocache: flags["no-cache"],
    platform: flags.platform || (cli.env["DOCKER_DEFAULT_PLATFORM"] ?? ""),
    pull: flags.pull,
    q: flags.quiet,
    // Absent, the engine would remove them.
    rm: flags.rm ? "1" : "0",
    securityopt: json(flags["security-opt"]),
    shmsize: flags["shm-size"] || undefined,
    squash: flags.squash,
    target: flags.target,
    ulimits: json(flags.ulimit),
  };
}

/** An argument without a value, which nobody here knows either, takes the one of the Dockerfile away. */
function buildArguments(pairs: readonly string[]): Record<string, string | null> {
  const entries = pairs.map((pair): [string, string | null] => {
    const at = pair.indexOf("=");
    return at < 0 ? [pair, null] : [pair.slice(0, at), pair.slice(at + 1)];
  });
  return Object.fromEntries(entries);
}

async function* compressed(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  const { createGzip } = await import("node:zlib");
  const { Readable } = await import("node:stream");
  yield* Readable.from(source).pipe(createGzip()) as AsyncIterable<Uint8Array>;
}

/** Everything that is stored: a Dockerfile may name any registry. */
async function registryConfig(cli: Cli): Promise<string> {
  return Buffer.from(JSON.stringify(await allCredentials(await cli.config()))).toString("base64url");
}
