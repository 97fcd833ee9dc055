import { existsSync, readFileSync } from "node:fs";
import { type IgnoreRules, ignoreFileNames, parseIgnoreFile } from "../../lib/ignore/index.ts";
import { encodeHeader, invalidParameter, padding, TAR_END } from "../../lib/index.ts";
import type { JsonMessage } from "../../wire/index.ts";
import { configDirectory, loadClientConfig } from "../client-config.ts";
import { allCredentials, encodeAuth } from "../credentials.ts";
import type { Engine } from "../engine.ts";
import { packTree } from "../files/pack.ts";
import { ClassicSteps } from "./classic-steps.ts";
import { BuildError } from "./error.ts";
import { type BuildInput, missingInClassic, readInput } from "./input.ts";
import { filesAsTar, OUTSIDE_NAME } from "./memory-context.ts";
import type { BuildOptions, BuildResult } from "./options.ts";
import { commonQuery } from "./request.ts";

/** Builds in the way of engines without BuildKit: the whole context is sent, and the answer is text. */
export async function runClassic(engine: Engine, options: BuildOptions): Promise<BuildResult> {
  refuseWhatNeedsBuildKit(options);
  const { signal, onProgress, classic = {} } = options;
  const { remote, dockerfile, tar } = classicContext(await readInput(options, missingInClassic));
  const query = {
    ...commonQuery(options),
    forcerm: classic.forceRemove,
    isolation: classic.isolation,
    q: options.quiet,
    // Absent, the engine would keep them.
    rm: classic.keepContainers === true ? "0" : "1",
    dockerfile,
    remote,
  };
  const body = tar === undefined || classic.compress !== true ? tar : compressed(tar);
  const config = options.config ?? (await loadClientConfig(configDirectory(process.env)));
  const headers = {
    "Content-Type": "application/x-tar",
    "X-Registry-Config": encodeAuth(await allCredentials(config)),
  };
  const steps = new ClassicSteps();
  let imageId = "";
  for await (const message of await engine.images.build(query, body, headers, { signal })) {
    imageId = idIn(message) ?? imageId;
    const failure = message.errorDetail?.message ?? message.error;
    await onProgress?.({ ...steps.take(message, failure), message });
    if (failure) throw new BuildError(failure);
  }
  return { imageId, metadata: {}, warnings: [] };
}

/** Better to say that something cannot be done than to leave it out. */
function refuseWhatNeedsBuildKit(options: BuildOptions): void {
  const { secrets, ssh, outputs, contexts, push } = options;
  const asked = [
    ["secrets", secrets?.length],
    ["ssh agents", ssh?.length],
    ["outputs", outputs?.length],
    ["further contexts", Object.keys(contexts ?? {}).length],
    ["pushing", push === true ? 1 : 0],
  ] as const;
  const [what] = asked.find(([, count]) => (count ?? 0) > 0) ?? [];
  if (what !== undefined) throw invalidParameter(`${what} of a build need an engine with BuildKit`);
}

/** Engines say it apart, and quiet ones say nothing else. */
function idIn({ aux, stream = "" }: JsonMessage): string | undefined {
  const told = (aux as { ID?: string } | null | undefined)?.ID;
  return told ?? /^(sha256:[0-9a-f]{64})\n$/.exec(stream)?.[1];
}

interface ClassicContext {
  /** Undefined where the engine fetches it. */
  readonly tar: AsyncIterable<Uint8Array> | undefined;
  readonly remote?: string;
  readonly dockerfile: string;
}

function classicContext({ context, dockerfile }: BuildInput): ClassicContext {
  const name = dockerfile.kind === "inside" ? dockerfile.name : OUTSIDE_NAME;
  const text = dockerfile.kind === "text" ? dockerfile.text : undefined;
  switch (context.kind) {
    case "folder":
      return { tar: packFolder(context.path, name, text), dockerfile: name };
    case "remote":
      if (text !== undefined) throw invalidParameter("a Dockerfile of its own for an address needs BuildKit");
      return { tar: undefined, remote: context.url, dockerfile: name };
    case "tar":
      return { tar: context.bytes, dockerfile: name };
    case "files":
      return { tar: filesAsTar(context.files), dockerfile: name };
    case "nothing":
      return { tar: oneFile("Dockerfile", text!), dockerfile: "Dockerfile" };
  }
}

async function* packFolder(
  folder: string,
  dockerfile: string,
  content: Uint8Array | undefined,
): AsyncGenerator<Uint8Array, void> {
  const rules = readIgnore(folder, dockerfile);
  // The engine needs these two, whatever is ignored; it takes them out again itself.
  const needed = new Set([dockerfile, ".dockerignore"]);
  const leaveOut = (name: string) => !needed.has(name) && rules.leavesOut(name);
  const descend = rules.hasExceptions || dockerfile.includes("/");
  if (content !== undefined) yield* fileEntry(dockerfile, content);
  yield* packTree(folder, ".", { leaveOut, descend, asRoot: true });
}

/** A Dockerfile may have rules of its own beside it. */
function readIgnore(folder: string, dockerfile: string): IgnoreRules {
  const name = ignoreFileNames(dockerfile).find((candidate) => existsSync(`${folder}/${candidate}`));
  return parseIgnoreFile(name === undefined ? "" : readFileSync(`${folder}/${name}`, "utf8"));
}

async function* oneFile(name: string, content: Uint8Array): AsyncGenerator<Uint8Array, void> {
  yield* fileEntry(name, content);
  yield TAR_END;
}

function* fileEntry(name: string, content: Uint8Array): Generator<Uint8Array, void> {
  yield encodeHeader({ name, kind: "file", mode: 0o644, size: content.length });
  yield content;
  yield padding(content.length);
}

async function* compressed(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  const { createGzip } = await import("node:zlib");
  const { Readable } = await import("node:stream");
  yield* Readable.from(source).pipe(createGzip()) as AsyncIterable<Uint8Array>;
}
