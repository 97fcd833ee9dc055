import type { Ulimit } from "../../wire/index.ts";
import { bool, bytes, type Flag, int, list, string, strings } from "../flags.ts";
import { checkExtraHost, checkLabel } from "../options/checks.ts";
import { checkContentTrust } from "../options/content-trust.ts";
import { checkEnv } from "../options/environment.ts";
import { parseUlimit } from "../options/resources.ts";
import { defineCommand, exactly } from "../spec.ts";
import { checkReference } from "../text/reference.ts";

const ULIMITS: Flag<readonly Ulimit[]> = {
  type: "ulimit",
  description: "Set a limit of the steps' processes (name=soft[:hard])",
  initial: [],
  take: (text, before) => [...before, parseUlimit(text)],
};

/** Alone it means `true`. */
const attestation = (description: string, initial: string): Flag<string> => ({
  type: "string",
  description,
  initial,
  isSwitch: true,
  take: (text) => text,
});

const FLAGS = {
  "add-host": list("Add a host to /etc/hosts (host:ip)", { check: checkExtraHost }),
  allow: strings("Let steps have what they ask for (network.host)"),
  annotation: list("Annotation of the image (refused: an engine keeps none)"),
  attest: list("Attestation (type=provenance, type=sbom)"),
  "build-arg": list("Set a variable of the build", { check: (text) => checkEnv(text) }),
  "build-context": list("Further context (name=path or address)"),
  builder: string("Builder (default: there is one)"),
  "cache-from": list("Where layers may be taken from (image, type=registry,ref=image, type=local,src=path)"),
  "cache-to": list("Where to keep the cache (type=inline, type=registry,ref=image, type=local,dest=path)"),
  call: string("What to do (build, check, outline, targets; ,format=json)", { initial: "build" }),
  "cgroup-parent": string("Parent of the steps' cgroups"),
  check: bool("Only check the Dockerfile"),
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
  load: bool("Put the image into the engine, which it is anyway"),
  memory: bytes("Limit of memory", { short: "m" }),
  "memory-swap": bytes("Limit of memory and swap together; -1: unlimited swap", { unlimited: true }),
  "metadata-file": string("File to write the build's facts to", { complete: "files" }),
  network: string("Network of the steps", { initial: "default" }),
  "no-cache": bool("Use nothing of former builds"),
  "no-cache-filter": strings("Stages that use nothing of former builds"),
  output: list("Where the result goes (type=local,dest=path)", { short: "o" }),
  platform: string("Platform of the image (os[/arch[/variant]])"),
  progress: string("How to show progress (auto, plain, tty, json, quiet)", { initial: "auto" }),
  provenance: attestation("Keep with the image how it came about", "true"),
  pull: bool("Look for newer versions of the images used"),
  push: bool("Push the image to its registry"),
  quiet: bool("Only print the image's id", { short: "q" }),
  reproducible: bool(
    "Give the same image for the same input: no times (SOURCE_DATE_EPOCH=0 unless it is set)",
  ),
  rm: bool("Remove the steps' containers after success", { initial: true }),
  sbom: attestation("Keep with the image what packages it is made of", "false"),
  secret: list("Give the steps a secret (id=name[,src=file|env=VARIABLE])"),
  "security-opt": strings("Security option"),
  "shm-size": bytes("Size of /dev/shm"),
  squash: bool("Make one layer of the new ones"),
  ssh: list("Give the steps an ssh agent (default|name[=socket|key])"),
  tag: list("Name of the image (name:tag)", { short: "t", check: checkTag }),
  target: string("Stage of the Dockerfile to build"),
  ulimit: ULIMITS,
};

export const command = defineCommand({
  summary: "Build an image from a Dockerfile",
  usage: "[OPTIONS] PATH | URL | -",
  arity: exactly(1),
  complete: "files",
  flags: FLAGS,
  async run({ cli, args: [argument = ""], flags }) {
    checkContentTrust(flags);
    const chosen = cli.env["DOCKER_BUILDKIT"];
    const isRefused = /^(0|false|f)$/i.test(chosen ?? "");
    const builder = isRefused ? "classic" : chosen ? "buildkit" : undefined;
    const { runBuild } = await import("../build/run.ts");
    return runBuild(cli, argument, flags, builder);
  },
});

function checkTag(text: string): string {
  checkReference(text);
  return text;
}
