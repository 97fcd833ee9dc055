import { invalidParameter, messageOf, notImplemented } from "../../lib/index.ts";
import type { Engine } from "../engine.ts";
import { ResponseError } from "../errors.ts";
import { Undo } from "../undo.ts";
import { type BuildJob, BuildKitBuild } from "./buildkit.ts";
import { cacheSources } from "./caches.ts";
import { isBerth } from "./identity.ts";
import { readInput } from "./input.ts";
import type { BuildCall, BuildOptions, BuildResult, BuildWarning } from "./options.ts";
import { planOutputs } from "./outputs.ts";
import { isRemote } from "./places.ts";
import { secretsById } from "./secrets.ts";

const NO_AGENTS: ReadonlyMap<string, string> = new Map();

/** @throws BuildError, and with the signal's reason where it was aborted */
export function runBuild(engine: Engine, options: BuildOptions): Promise<BuildResult> {
  return build(engine, options, undefined);
}

/** Only checks the Dockerfile. */
export async function checkBuild(engine: Engine, options: BuildOptions): Promise<readonly BuildWarning[]> {
  return (await build(engine, { ...options, builder: "buildkit" }, "check")).warnings;
}

/** What is known of a build without building. @throws where the engine does not tell */
export async function describeBuild(
  engine: Engine,
  call: BuildCall,
  options: BuildOptions,
): Promise<unknown> {
  const { answer } = await build(engine, { ...options, builder: "buildkit" }, call);
  if (answer === undefined) throw notImplemented(`this engine does not tell the ${call} of a build`);
  return answer;
}

type Call = BuildCall | undefined;

async function build(engine: Engine, options: BuildOptions, call: Call): Promise<BuildResult> {
  const { builder, signal } = options;
  signal?.throwIfAborted();
  const quick = builder === "classic" ? undefined : await tryShared(engine, options, call);
  if (quick !== undefined) return quick;
  const identity = await engine.system.identity({ signal });
  const hasBuildKit = isBerth(identity) || identity.builder === "2";
  if (builder === "classic" || (builder === undefined && !hasBuildKit)) {
    return (await import("./classic.ts")).runClassic(engine, options);
  }
  return runWithBuildKit(engine, options, call, isBerth(identity));
}

/**
 * Builds, where all that is needed is a folder that an engine of ours opens itself, without asking first who is there: that
 * would take a fifth of the time of a build of which nothing changed.
 * @returns undefined where it has to be asked after all
 */
async function tryShared(
  engine: Engine,
  options: BuildOptions,
  call: Call,
): Promise<BuildResult | undefined> {
  const needed = [options.secrets, options.ssh, options.outputs, options.cacheTo];
  if (needed.some((list) => list !== undefined && list.length > 0)) return undefined;
  if (typeof options.context !== "string" || isRemote(options.context)) return undefined;
  if (engine.endpoint.kind !== "unix" || hasLayouts(options)) return undefined;
  const job = await prepare(engine, options, call);
  if (job === undefined || !canShareFolders(job)) return undefined;
  const attempt = new BuildKitBuild(job);
  if (await attempt.needsSession()) return undefined;
  try {
    return await attempt.run("shared", "unknown");
  } catch (error) {
    if (!(error instanceof ResponseError)) throw error;
    const isOurs = isBerth(error);
    if (isOurs && error.status !== 409 && !error.message.startsWith("invalid version")) throw error;
    engine.trace(`the engine is asked who it is: ${error.message}`);
    return undefined;
  }
}

/** What is wrong is told when it is known who is asked, in its words. */
async function prepare(engine: Engine, options: BuildOptions, call: Call): Promise<BuildJob | undefined> {
  try {
    const input = await readInput(options);
    const plan = planOutputs([], options.push ?? false);
    return { engine, options, call, input, plan, secrets: new Map(), agents: NO_AGENTS };
  } catch {
    return undefined;
  }
}

async function runWithBuildKit(
  engine: Engine,
  given: BuildOptions,
  call: Call,
  withBerth: boolean,
): Promise<BuildResult> {
  const { ssh = [], outputs = [], push = false, cacheTo } = given;
  if (given.platforms !== undefined && given.platforms.length > 1 && !withBerth)
    throw invalidParameter("a build for several platforms needs a builder of its own");
  const plan = planOutputs(outputs, push, cacheTo);
  if (!withBerth && outputs.length > 1) throw new Error("this engine takes one output only");
  if (!withBerth && plan.caches.length > 0)
    throw new Error("this engine keeps a cache in the image only: type=inline");
  if (!withBerth && (call === "outline" || call === "targets"))
    throw notImplemented(`this engine does not tell the ${call} of a build`);
  const options = hasLayouts(given) ? await withLayouts(engine, given) : given;
  const undo = new Undo();
  try {
    const agents = ssh.length === 0 ? NO_AGENTS : await (await import("./ssh.ts")).openSshAgents(ssh, undo);
    const secrets = secretsById(options.secrets ?? []);
    const input = await readInput(options);
    const job = { engine, options, call, input, plan, secrets, agents };
    const canShare = withBerth && engine.endpoint.kind === "unix" && canShareFolders(job);
    const who = withBerth ? "berth" : "other";
    try {
      return await new BuildKitBuild(job).run(canShare ? "shared" : "sent", who);
    } catch (error) {
      // A socket that leads to another machine: the folder is not open there.
      if (!canShare || !(error instanceof ResponseError) || error.status !== 409) throw error;
      engine.trace(`the engine does not see this machine's folders: ${error.message}`);
      return await new BuildKitBuild(job).run("sent", who);
    }
  } finally {
    await undo.run();
  }
}

/** Whether images of folders of this machine are to be brought to the engine first. */
function hasLayouts({ contexts = {}, cacheFrom = [] }: BuildOptions): boolean {
  return (
    Object.values(contexts).some((address) => address.startsWith("oci-layout://")) ||
    cacheFrom.some((spec) => spec.includes("type=local"))
  );
}

/** They are in the engine then, without names, and the build is told their ids. */
async function withLayouts(engine: Engine, options: BuildOptions): Promise<BuildOptions> {
  const { isLayout, loadLayout, parseLayout } = await import("./layouts.ts");
  const { contexts = {}, cacheFrom = [], signal } = options;
  const named: Record<string, string> = {};
  for (const [name, address] of Object.entries(contexts)) {
    named[name] = isLayout(address)
      ? `docker-image://${await loadLayout(engine, parseLayout(address), signal)}`
      : address;
  }
  const sources: string[] = [];
  for (const source of cacheSources(cacheFrom)) {
    if (typeof source === "string") sources.push(source);
    else {
      try {
        sources.push(await loadLayout(engine, source, signal));
      } catch (error) {
        signal?.throwIfAborted();
        // A cache that can not be had is no reason to fail.
        engine.trace(`no build cache from ${source.path}: ${messageOf(error)}`);
      }
    }
  }
  return { ...options, contexts: named, cacheFrom: sources };
}

/** A Dockerfile from elsewhere with an ignore file of its own travels as files do. */
function canShareFolders({ input: { context, dockerfile, named } }: BuildJob): boolean {
  if (context.kind === "remote") return [...named.values()].some(({ kind }) => kind === "folder");
  return dockerfile.kind === "inside" || dockerfile.ignore === undefined;
}
