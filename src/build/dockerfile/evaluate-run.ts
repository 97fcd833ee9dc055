import {
  codeOf,
  type Heredoc,
  heredocText,
  parseHeredocMark,
  type RunInstruction,
  type RunMount,
  resolveMount,
} from "../../lib/dockerfile/index.ts";
import { cleanPath } from "../../lib/ignore/index.ts";
import { invalidParameter } from "../../lib/index.ts";
import { withoutCredentials } from "../credentials.ts";
import type { InstructionContext } from "./evaluate.ts";
import { baseName, inRoot, relativeTo } from "./paths.ts";
import { layerHistory, type StageState } from "./stage-state.ts";
import type { RunStep, Source, StepMount } from "./step.ts";

/** Where a here-document that is a script of its own is put (BuildKit's choice). */
const SCRIPT_FOLDER = "/dev/pipes/";
const SECRET_FOLDER = "/run/secrets/";

/** `RUN`. @throws InvalidParameter */
export function evaluateRun(context: InstructionContext, instruction: RunInstruction): RunStep {
  const { state, linked } = context;
  const flags = instruction.mounts.map((flag) => resolveMount(flag, context.expand));
  const command = commandOf(instruction, state);
  const mounts = flags.map((mount, index) => mountOf(mount, linked.sources[index]!, context));
  const args = instruction.command.shell ? state.inShell(command.words) : [...command.words];
  return {
    kind: "run",
    title: titleOf(context, flags, command.summary),
    lines: instruction.source.lines,
    onBuild: linked.onBuild,
    history: layerHistory(`RUN ${historyOf(args, state)} # buildkit`),
    args,
    env: state.shareEnv(),
    directory: state.config.WorkingDir || "/",
    user: state.config.User ?? "",
    mounts,
    network: instruction.network,
    security: instruction.security,
    devices: instruction.devices,
    script: command.script,
  };
}

interface Command {
  readonly words: readonly string[];
  readonly script: RunStep["script"];
  /** What a here-document begins with, for the title. */
  readonly summary: string;
}

/** The command with its here-documents, which are a script, the command itself, or input that the shell is left to read. */
function commandOf({ command, source }: RunInstruction, state: StageState): Command {
  const { words, heredocs, shell } = command;
  const first = heredocs[0];
  if (first === undefined) return { words, script: undefined, summary: "" };
  if (words.length !== 1 || !shell) {
    throw invalidParameter(`parsing produced an invalid run command: [${words.join(" ")}]`);
  }
  if (parseHeredocMark(words[0]!) === undefined) {
    return { words: [[words[0]!, ...heredocs.map(heredocLines)].join("\n")], script: undefined, summary: "" };
  }
  const content = heredocText(first);
  const summary = ` (${firstLine(first.content)})`;
  if (state.platform.os === "windows" || !content.startsWith("#!")) {
    return { words: [content], script: undefined, summary };
  }
  if (/[/\0]/.test(first.name) || first.name === "." || first.name === "..") {
    throw invalidParameter(`invalid heredoc name ${JSON.stringify(first.name)} in ${codeOf(source)}`);
  }
  const path = SCRIPT_FOLDER + first.name;
  return { words: [path], script: { path, content }, summary };
}

const heredocLines = ({ content, name }: Heredoc) => content + name;

function firstLine(content: string): string {
  const lines = content.trim().split(/\r?\n/);
  return lines[0]! + (lines.length > 1 ? "..." : "");
}

/** Secrets that are variables are shown as what they are. */
function titleOf(context: InstructionContext, mounts: readonly RunMount[], summary: string): string {
  const secrets = mounts.filter(({ type, env }) => type === "secret" && env !== undefined);
  const env =
    secrets.length === 0
      ? context.state.env
      : new Map([...context.state.env, ...secrets.map(({ env }) => [env!, "****"] as const)]);
  const code = codeOf(context.linked.instruction.source) + summary;
  return context.title({ code, env, expanding: { rawQuotes: true, keepUnset: true } });
}

/** The command with the arguments that it could see, as images have always told of it: `|1 A=b /bin/sh -c …`. */
function historyOf(args: readonly string[], state: StageState): string {
  const values = new Map(
    state.args.map(({ name, value }) => [name, `${name}=${state.env.get(name) ?? value ?? ""}`]),
  );
  const prefix =
    values.size === 0 ? [] : [`|${values.size}`, ...[...values.values()].map(withoutCredentials)];
  return [...prefix, ...args].join(" ");
}

function mountOf(mount: RunMount, linked: Source, { state, options }: InstructionContext): StepMount {
  if (mount.type === "secret") return secretMount(mount);
  if (mount.type === "ssh") return sshMount(mount);
  const target = targetOf(mount, state);
  if (mount.type === "tmpfs") return { type: "tmpfs", target, size: mount.size };
  const path = inRoot(mount.source);
  if (mount.type === "bind") {
    return { type: "bind", source: linked, path, target, readOnly: mount.readOnly };
  }
  const { mode, uid, gid, readOnly } = mount;
  return {
    type: "cache",
    id: cacheIdOf(mount, options.buildArgs.get("BUILDKIT_CACHE_MOUNT_NS") ?? ""),
    sharing: mount.sharing ?? "shared",
    source: mount.from === "" ? { kind: "scratch" } : linked,
    path,
    target,
    readOnly,
    mode,
    uid,
    gid,
  };
}

/** Builds with a namespace of their own share their caches with no others. */
function cacheIdOf({ id, target }: RunMount, namespace: string): string {
  const own = id === "" ? cleanPath(target) : id;
  return namespace === "" ? own : `${namespace}/${own.replace(/^\/+/, "")}`;
}

function targetOf(mount: RunMount, state: StageState): string {
  const target = inRoot(relativeTo(state.config.WorkingDir || "/", mount.target));
  if (target === "/") throw invalidParameter(`invalid mount target "${target}"`);
  return target;
}

function secretMount(mount: RunMount): StepMount {
  const id = mount.source || mount.id || baseName(mount.target);
  const fallback = mount.env === undefined ? SECRET_FOLDER + baseName(id) : undefined;
  return {
    type: "secret",
    id,
    required: mount.required,
    target: mount.target || fallback,
    env: mount.env === "" ? baseName(id) : mount.env,
    mode: mount.mode ?? 0o400,
    uid: mount.uid ?? 0,
    gid: mount.gid ?? 0,
  };
}

function sshMount(mount: RunMount): StepMount {
  if (mount.source !== "") throw invalidParameter("ssh does not support source");
  return {
    type: "ssh",
    id: mount.id || "default",
    required: mount.required,
    target: mount.target || undefined,
    mode: mount.mode ?? 0o600,
    uid: mount.uid ?? 0,
    gid: mount.gid ?? 0,
  };
}
