import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { openFileTree } from "../../lib/buildkit/index.ts";
import {
  EngineError,
  invalidParameter,
  kindOf,
  messageOf,
  newId,
  notFound,
  notImplemented,
  unavailable,
} from "../../lib/index.ts";
import { extractTar, openRoot } from "../../linux/index.ts";
import { BuildFailed } from "../build-failed.ts";
import type {
  BuildCall,
  BuildOutput,
  BuildRequest,
  Builds,
  CacheExport,
  ContextSource,
  FileSync,
  OpenDirectory,
} from "../builder-contract.ts";
import { openOfferedDirectory, parseOfferedDirectories } from "../contexts/index.ts";
import type { ClientServices } from "../ports.ts";
import { TraceStream } from "../progress/trace.ts";
import type { Session, SessionFacts } from "./session.ts";
import { Sessions } from "./sessions.ts";
import { Uploads } from "./uploads.ts";

/** A build as BuildKit's clients ask for it: `POST /build?version=2`. */
export interface SessionBuildOptions {
  /** Empty: the client offers nothing. */
  readonly sessionId: string;
  readonly buildId: string;
  /** `client-session`, `upload-request`, an address; empty: the body, or a directory that the client has open. */
  readonly remote: string;
  readonly dockerfile: string;
  /** The Dockerfile is the client's, in the directory that it calls `dockerfile`, while the context is elsewhere. */
  readonly dockerfileInSession?: boolean;
  readonly tags: readonly string[];
  readonly target: string;
  readonly buildArgs: Readonly<Record<string, string | null>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly platforms: readonly string[];
  readonly noCache: boolean;
  /** Stages that are built anew. */
  readonly noCacheFilter: readonly string[];
  readonly pull: boolean;
  readonly squash: boolean;
  readonly cacheFrom: readonly string[];
  readonly outputs: readonly OutputOption[];
  readonly run: BuildRequest["run"];
  /** Named contexts: `local:name` for one of the session, `input:name` for an open directory, else an address. */
  readonly contexts: Readonly<Record<string, string>>;
  /** Directories of further sessions, by name: several builds of one client share what they have in common. */
  readonly localSessions?: Readonly<Record<string, string>>;
  /** The header `X-Berth-Context-Fd`; empty where there is none. */
  readonly directories: string;
  readonly inlineCache: boolean;
  readonly cacheTo: readonly OutputOption[];
  readonly provenance: boolean;
  /** Attach what the image is made of. */
  readonly sbom?: boolean | undefined;
  readonly call: BuildCall;
  /** The id is told as text, too. */
  readonly quiet: boolean;
  readonly wantsMetadata: boolean;
  /** What goes on is told while it does. */
  readonly wantsTrace: boolean;
}

export interface OutputOption {
  readonly Type: string;
  readonly Attrs: Readonly<Record<string, string>>;
}

/** What came with the request itself. */
export interface RequestBody {
  readonly kind: "none" | "tar" | "dockerfile";
  bytes(): AsyncIterable<Uint8Array>;
}

/** One line of the answer. */
export type TraceMessage =
  | {
      readonly id: "moby.buildkit.trace" | "moby.image.id" | "berth.build.metadata" | "berth.build.answer";
      readonly aux: unknown;
    }
  | { readonly stream: string };

const DOCKERFILE_BYTES_MAX = 16 << 20;
const OUTPUTS_MAX = 20;
/** BuildKit's, of a call to `FileSend`: the number of the output that it is of. */
const EXPORTER_HEADER = "buildkit-attachable-exporter-id";

/** How an output gets to the client. */
interface OutputWay {
  readonly session: Session | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  /** Undone at the build's end. */
  readonly stack: AsyncDisposableStack;
}
/** Where BuildKit's clients keep a context that came to them as a stream. */
const SESSION_ADDRESS = "http://buildkit-session/";
const UPLOAD_PREFIX = "upload-request:";

/** Builds in BuildKit's way, over the sessions that clients hold open. */
export class SessionBuilds implements Disposable {
  readonly #builds: Builds;
  readonly #directory: string;
  readonly #sessions = new Sessions();
  readonly #uploads = new Uploads();
  readonly #running = new Map<string, AbortController>();

  /** @param directory for what is needed during a build only */
  constructor(builds: Builds, directory: string) {
    this.#builds = builds;
    this.#directory = directory;
  }

  /** @throws InvalidParameter, Conflict: before the connection is answered */
  checkSession(facts: SessionFacts): void {
    this.#sessions.check(facts);
  }

  /** Resolves when the session has ended. */
  acceptSession(facts: SessionFacts, socket: Duplex): Promise<void> {
    return this.#sessions.accept(facts, socket);
  }

  /** @returns whether there was one of this id */
  cancel(buildId: string): boolean {
    const running = this.#running.get(buildId);
    // What was wished for is no failure of the engine's.
    running?.abort(unavailable("context canceled"));
    return running !== undefined;
  }

  async build(
    options: SessionBuildOptions,
    body: RequestBody,
    report: (message: TraceMessage) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const { buildId } = options;
    if (buildId.startsWith(UPLOAD_PREFIX)) {
      return this.#uploads.offer(buildId.slice(UPLOAD_PREFIX.length), body.bytes(), signal);
    }
    const abort = new AbortController();
    if (buildId !== "" && !this.#running.has(buildId)) this.#running.set(buildId, abort);
    try {
      await this.#run(options, body, report, AbortSignal.any([signal, abort.signal]));
    } finally {
      if (this.#running.get(buildId) === abort) this.#running.delete(buildId);
    }
  }

  async #run(
    options: SessionBuildOptions,
    body: RequestBody,
    report: (message: TraceMessage) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const { sessionId } = options;
    const session = sessionId === "" ? undefined : await this.#sessions.find(sessionId, signal);
    const both = session === undefined ? signal : AbortSignal.any([signal, session.signal]);
    await using stack = new AsyncDisposableStack();
    const request = await this.#request(options, body, session, both, stack);
    using trace = new TraceStream((message) =>
      report({ id: "moby.buildkit.trace", aux: Buffer.from(message).toString("base64") }),
    );
    const tell = options.wantsTrace ? trace.report : () => {};
    const result = await this.#builds.build(request, tell, both).catch((error: unknown) => {
      both.throwIfAborted();
      throw unsolved(error);
    });
    trace.flush();
    if (result.imageId !== undefined) {
      report({ id: "moby.image.id", aux: { ID: result.imageId } });
      if (options.quiet) report({ stream: `${result.imageId}\n` });
    }
    if (result.answer !== undefined) report({ id: "berth.build.answer", aux: result.answer });
    if (options.wantsMetadata) {
      report({ id: "berth.build.metadata", aux: { ...result.metadata, "berth.warnings": result.warnings } });
    }
  }

  async #request(
    options: SessionBuildOptions,
    body: RequestBody,
    session: Session | undefined,
    signal: AbortSignal,
    stack: AsyncDisposableStack,
  ): Promise<BuildRequest> {
    const {
      tags,
      target,
      pull,
      squash,
      cacheFrom,
      inlineCache,
      run,
      call,
      provenance,
      sbom = false,
    } = options;
    for (const entitlement of run.entitlements) refuseEntitlement(entitlement);
    const buildArgs = new Map(
      Object.entries(options.buildArgs).filter((pair): pair is [string, string] => pair[1] !== null),
    );
    const text =
      body.kind === "dockerfile"
        ? await readDockerfile(body.bytes())
        : options.dockerfileInSession === true
          ? await this.#dockerfileOf(needed(session), options.dockerfile || "Dockerfile", signal)
          : undefined;
    return {
      dockerfile: { fileName: options.dockerfile || "Dockerfile", text },
      contexts: await this.#contexts(options, body, session, signal, stack),
      services: session ?? NO_SERVICES,
      tags,
      target,
      buildArgs,
      labels: new Map(Object.entries(options.labels)),
      platforms: options.platforms,
      noCache: options.noCache || (options.noCacheFilter.length > 0 && new Set(options.noCacheFilter)),
      pull,
      cacheFrom,
      inlineCache,
      cacheTo: this.#cacheExports(options, session, signal),
      squash,
      run,
      call,
      outputs: this.#outputs(options, session, signal, stack),
      provenance,
      sbom,
      sourceDateEpoch: epochOf(buildArgs.get("SOURCE_DATE_EPOCH")),
    };
  }

  async #contexts(
    options: SessionBuildOptions,
    body: RequestBody,
    session: Session | undefined,
    signal: AbortSignal,
    stack: AsyncDisposableStack,
  ): Promise<ReadonlyMap<string, ContextSource>> {
    const directories = session && (await this.#directories(options, session, signal));
    const offers = options.directories === "" ? [] : parseOfferedDirectories(options.directories);
    // At once: a client that turns out to be elsewhere has to hear of it before the build begins, and sends its files then.
    const offered = new Map(offers.map((one) => [one.name, stack.use(openOfferedDirectory(one))]));
    const contexts = new Map<string, ContextSource>();
    contexts.set("", this.#mainContext(options, body, session, directories, offered, signal));
    for (const [name, where] of Object.entries(options.contexts)) {
      if (name !== "") contexts.set(name, namedContext(where, directories, offered));
    }
    return contexts;
  }

  /** What the client keeps at the build's disposal, part of which it may do in other sessions of its. */
  async #directories(
    { localSessions = {} }: SessionBuildOptions,
    session: Session,
    signal: AbortSignal,
  ): Promise<FileSync> {
    const others = new Map<string, Session>();
    for (const [name, id] of Object.entries(localSessions))
      others.set(name, await this.#sessions.find(id, signal));
    if (others.size === 0) return session;
    const of = (name: string) => others.get(name) ?? session;
    return {
      sync: (name, ...rest) => of(name).sync(name, ...rest),
      sharedKey: (name) => of(name).sharedKey(name),
    };
  }

  #mainContext(
    { remote, buildId }: SessionBuildOptions,
    body: RequestBody,
    session: Session | undefined,
    directories: FileSync | undefined,
    offered: ReadonlyMap<string, OpenDirectory>,
    signal: AbortSignal,
  ): ContextSource {
    const directory = offered.get("context");
    if (directory !== undefined) return openDirectory(directory);
    if (remote === "client-session") return { kind: "session", sync: needed(directories) };
    if (remote === "upload-request") return { kind: "tar", bytes: this.#uploads.take(buildId, signal) };
    if (remote.startsWith(SESSION_ADDRESS))
      return { kind: "tar", bytes: needed(session).upload(new URL(remote), signal) };
    if (remote !== "") return { kind: "remote", url: remote };
    if (body.kind === "tar") return { kind: "tar", bytes: body.bytes() };
    if (body.kind === "dockerfile") return { kind: "tar", bytes: nothing() };
    throw invalidParameter("the build has no context");
  }

  #outputs(
    { outputs, cacheTo }: SessionBuildOptions,
    session: Session | undefined,
    signal: AbortSignal,
    stack: AsyncDisposableStack,
  ): BuildOutput[] {
    if (outputs.length === 0) return [{ kind: "image", push: false }];
    if (outputs.length > OUTPUTS_MAX) throw invalidParameter(`more than ${OUTPUTS_MAX} outputs`);
    const cached = cacheTo.length;
    return outputs.map((output, number) => {
      // With several the client has to know which is which.
      const headers: Record<string, string> =
        outputs.length + cached > 1 ? { [EXPORTER_HEADER]: String(number) } : {};
      return this.#output(output, { session, headers, signal, stack });
    });
  }

  #output({ Type: type, Attrs: attributes }: OutputOption, way: OutputWay): BuildOutput {
    const { session, headers, signal } = way;
    const isTrue = (name: string) => attributes[name] === "true" || attributes[name] === "1";
    const sendFile = (bytes: AsyncIterable<Uint8Array>) => needed(session).sendFile(bytes, headers, signal);
    switch (type) {
      case "":
      case "image":
      case "moby":
        return { kind: "image", push: isTrue("push") };
      case "registry":
        return { kind: "image", push: true };
      case "docker":
        if (attributes["dest"] === undefined) return { kind: "image", push: false };
        return { kind: "archive", format: "docker", write: sendFile };
      case "oci":
        return { kind: "archive", format: "oci", write: sendFile };
      case "tar":
        return { kind: "tar", write: sendFile };
      case "local":
        return { kind: "tar", write: (bytes) => this.#sendTree(bytes, way) };
      case "cacheonly":
        return { kind: "none" };
      default:
        throw invalidParameter(`exporter "${type}" could not be found`);
    }
  }

  /** The client counts what it is sent on from its outputs. */
  #cacheExports(
    { cacheTo, outputs }: SessionBuildOptions,
    session: Session | undefined,
    signal: AbortSignal,
  ): CacheExport[] {
    if (cacheTo.length > OUTPUTS_MAX) throw invalidParameter(`more than ${OUTPUTS_MAX} places for the cache`);
    return cacheTo.map(({ Type: type, Attrs: { mode = "min", ref = "", ...rest } }, index) => {
      if (mode !== "min" && mode !== "max") throw invalidParameter(`invalid mode of a cache: ${mode}`);
      const common = { mode, ignoreError: rest["ignore-error"] === "true" } as const;
      if (type === "registry") {
        if (ref === "") throw invalidParameter("a cache of type registry needs its image: ref=…");
        return { ...common, kind: "registry", name: ref };
      }
      if (type !== "local")
        throw notImplemented(`cache export of type ${JSON.stringify(type)} is not supported`);
      const headers = { [EXPORTER_HEADER]: String(outputs.length + index) };
      return {
        ...common,
        kind: "archive",
        write: (bytes) => needed(session).sendFile(bytes, headers, signal),
      };
    });
  }

  /** One file of the client's. @throws NotFound */
  async #dockerfileOf(session: Session, fileName: string, signal: AbortSignal): Promise<string> {
    await using stack = new AsyncDisposableStack();
    const path = this.#folder("dockerfile", stack);
    await session.sync("dockerfile", path, { include: [fileName], exclude: [], follow: [fileName] }, signal);
    using root = openRoot(path);
    if (!root.exists(fileName))
      throw notFound(`failed to read dockerfile: open ${fileName}: no such file or directory`);
    return Buffer.from(root.readFile(fileName, DOCKERFILE_BYTES_MAX)).toString();
  }

  /** The client asks for each file when it wants it, so they have to lie somewhere meanwhile. */
  async #sendTree(
    bytes: AsyncIterable<Uint8Array>,
    { session, headers, signal, stack }: OutputWay,
  ): Promise<void> {
    const path = this.#folder("output", stack);
    {
      using root = openRoot(path);
      await extractTar(bytes, root, "/", { signal });
    }
    const tree = openFileTree(path, { include: [], exclude: [], follow: [] });
    await needed(session).sendTree(tree, headers, signal);
  }

  /** A folder of its own, for as long as the stack. */
  #folder(kind: string, stack: AsyncDisposableStack): string {
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    const name = `${kind}-${newId().slice(0, 16)}`;
    mkdirSync(join(this.#directory, name), { mode: 0o700 });
    stack.defer(async () => {
      using parent = openRoot(this.#directory);
      await parent.removeTree(name);
    });
    return join(this.#directory, name);
  }

  [Symbol.dispose](): void {
    this.#sessions[Symbol.dispose]();
  }
}

/** In the words that clients of BuildKit know, with the lines of the Dockerfile before them. */
function unsolved(error: unknown): EngineError {
  const shown = error instanceof BuildFailed ? error.render() : messageOf(error);
  const message = messageOf(error);
  const lines = shown.endsWith(message) ? shown.slice(0, -message.length) : "";
  return new EngineError(kindOf(error), `${lines}failed to solve: ${message}`, { cause: error });
}

function namedContext(
  where: string,
  directories: FileSync | undefined,
  offered: ReadonlyMap<string, OpenDirectory>,
): ContextSource {
  const [, kind, rest = ""] = /^(local|input):(.*)$/s.exec(where) ?? [];
  if (kind === "local") return { kind: "session", sync: renamed(needed(directories), rest) };
  if (kind === "input") {
    const directory = offered.get(rest);
    if (directory === undefined)
      throw invalidParameter(`no directory is offered for the context ${JSON.stringify(rest)}`);
    return openDirectory(directory);
  }
  if (/^(docker-image|oci-layout):\/\//.test(where)) return { kind: "image", reference: where };
  return { kind: "remote", url: where };
}

/** Only what a build of an engine's own network is may be granted by who builds. */
function refuseEntitlement(name: string): void {
  if (name === "network.host") return;
  throw new EngineError(
    "Forbidden",
    `the entitlement ${JSON.stringify(name)} can not be granted: steps of builds run as confined as containers do`,
  );
}

/** It is held until the build has ended. */
const openDirectory = ({ path }: OpenDirectory): ContextSource => ({
  kind: "directory",
  open: async () => ({ path, [Symbol.dispose]() {} }),
});

/** A context that the client knows by another name than the build. */
const renamed = (directories: FileSync, name: string): FileSync => ({
  sync: (_name, ...rest) => directories.sync(name, ...rest),
  sharedKey: () => directories.sharedKey(name),
});

function needed<T extends FileSync>(session: T | undefined): T {
  if (session === undefined) throw invalidParameter("the build needs a session of its client");
  return session;
}

/** A client without a session gives nothing. */
const NO_SERVICES: ClientServices = {
  async secret(id) {
    throw notFound(`secret ${id}: not found`);
  },
  async sshAgent(id) {
    throw notFound(`could not access ssh agent ${id}: the client forwards none`);
  },
  credentials: async () => undefined,
};

async function* nothing(): AsyncGenerator<Uint8Array, void> {}

function epochOf(text: string | undefined): number | undefined {
  if (text === undefined || text === "") return undefined;
  if (/^\d{1,12}$/.test(text)) return Number(text);
  throw invalidParameter(`invalid SOURCE_DATE_EPOCH: ${JSON.stringify(text)}`);
}

async function readDockerfile(source: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of source) {
    length += chunk.length;
    if (length > DOCKERFILE_BYTES_MAX) throw invalidParameter("the Dockerfile is too large");
    chunks.push(chunk.slice());
  }
  return Buffer.concat(chunks).toString();
}
