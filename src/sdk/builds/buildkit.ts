import { closeSync, constants, fstatSync, openSync } from "node:fs";
import type { FileTree, StatusMessage, TreeFilter } from "../../lib/buildkit/index.ts";
import type { Handler } from "../../lib/grpc/index.ts";
import type { JsonMessage } from "../../wire/index.ts";
import { configDirectory, loadClientConfig } from "../client-config.ts";
import type { Engine } from "../engine.ts";
import { ResponseError } from "../errors.ts";
import { jsonLines } from "../json-lines.ts";
import type { Query } from "../query.ts";
import { Undo } from "../undo.ts";
import { webCrypto } from "../web-crypto.ts";
import { BuildError } from "./error.ts";
import { isBerth } from "./identity.ts";
import type { BuildInput } from "./input.ts";
import { filesAsTar, filesAsTree } from "./memory-context.ts";
import type { BuildCall, BuildOptions, BuildResult, BuildWarning } from "./options.ts";
import type { OutputPlan } from "./outputs.ts";
import { berthQuery, commonQuery, json } from "./request.ts";
import type { Secret } from "./secrets.ts";

/** Loaded where there is a session: HTTP/2 takes its time. */
const services = () => import("./session/services.ts");
/** Loaded where its words are spoken, which a quiet build with shared folders does not. */
const buildkit = () => import("./words.ts");

/** A build whose options have been looked at. */
export interface BuildJob {
  readonly engine: Engine;
  readonly options: BuildOptions;
  readonly plan: OutputPlan;
  readonly input: BuildInput;
  /** What is asked for; undefined: a build. */
  readonly call: BuildCall | undefined;
  readonly secrets: ReadonlyMap<string, Secret>;
  /** Sockets by name. */
  readonly agents: ReadonlyMap<string, string>;
}

/** A socket may lead to an engine of ours: such a build is asked for in words that every other engine refuses at once. */
const UNASKED = "berth";

/** An engine that was asked in our words and took them for its own. */
export const OTHER_ENGINE = new ResponseError(200, "this engine is another");

/** What the request says of where the files are. */
interface Placed {
  readonly query: Query;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | AsyncIterable<Uint8Array> | undefined;
}

/** A build in BuildKit's way: the engine asks for what it needs, and tells what it does. */
export class BuildKitBuild {
  readonly #job: BuildJob;

  constructor(job: BuildJob) {
    this.#job = job;
  }

  /** Whether the engine is to be able to ask for something. */
  async needsSession(): Promise<boolean> {
    return (await this.#handlers()).length > 0;
  }

  /**
   * @param files whether the engine opens our folders itself, or we send what it asks for
   * @param who answers; `unknown` where nobody has asked yet
   * @throws `OTHER_ENGINE` where it is not an engine of ours, though it was unknown
   */
  async run(files: "shared" | "sent", who: "berth" | "other" | "unknown"): Promise<BuildResult> {
    const { engine, options, plan, call } = this.#job;
    const undo = new Undo();
    const abort = new AbortController();
    const onAbort = () => abort.abort(options.signal?.reason);
    options.signal?.addEventListener("abort", onAbort, { once: true });
    undo.defer(() => options.signal?.removeEventListener("abort", onAbort));
    try {
      const handlers = new Map<string, Handler>(await this.#handlers());
      const placed =
        files === "shared" ? this.#share(undo) : await this.#send(handlers, who !== "other", undo);
      const session = handlers.size === 0 ? "" : await this.#openSession(handlers, undo, abort.signal);
      const query = {
        ...commonQuery({ ...options, tags: [...(options.tags ?? []), ...plan.tags] }),
        ...(who === "other" ? {} : berthQuery(options, this.#isTraced)),
        ...placed.query,
        version: who === "unknown" ? UNASKED : "2",
        // Only who knows it could end the build by it: it is sent to those who are known to ask for one.
        buildid: who === "unknown" ? undefined : await newSessionId(),
        session: session || undefined,
        outputs: plan.asked === undefined ? undefined : JSON.stringify(plan.asked),
        cacheto: json(plan.caches.map(({ Type, Attrs }) => ({ Type, Attrs }))),
        check: call === "check" || undefined,
        call: call === "check" ? undefined : call,
      };
      const { headers, body } = placed;
      const asked = engine.send({
        method: "POST",
        path: "/build",
        query,
        headers,
        body,
        signal: abort.signal,
      });
      // What reads progress is loaded while the build begins.
      const [answer, words] = await Promise.all([asked, this.#isTraced ? buildkit() : undefined]);
      if (who === "unknown" && !isBerth({ server: answer.headers.get("server") ?? "" })) {
        abort.abort(OTHER_ENGINE);
        throw OTHER_ENGINE;
      }
      return await this.#read(jsonLines<AnyMessage>(answer.body()), words?.decodeStatus);
    } catch (error) {
      options.signal?.throwIfAborted();
      throw isFailedBuild(error) ? new BuildError(error.message, error) : error;
    } finally {
      await undo.run();
    }
  }

  /** Whether anybody wants to know what goes on meanwhile. */
  get #isTraced(): boolean {
    const { options, call } = this.#job;
    return call !== undefined || (options.onProgress !== undefined && options.quiet !== true);
  }

  // ——— where the files are ———

  /** The engine is told which of our descriptors are the folders: it reads what it needs, and nothing is sent. */
  #share(undo: Undo): Placed {
    const { input } = this.#job;
    const offers: string[] = [];
    const offer = (name: string, path: string) => {
      const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
      undo.defer(() => closeSync(fd));
      const { dev, ino } = fstatSync(fd, { bigint: true });
      offers.push(`${encodeURIComponent(name)}=${fd}:${dev}:${ino}`);
    };
    const contexts: Record<string, string> = {};
    for (const [name, context] of input.named) {
      if (context.kind === "folder") offer(name, context.path);
      contexts[name] = context.kind === "folder" ? `input:${name}` : context.address;
    }
    if (input.context.kind === "folder") offer("context", input.context.path);
    const common = this.#commonPlace();
    const header: Record<string, string> =
      offers.length === 0 ? {} : { "X-Berth-Context-Fd": offers.join(",") };
    return {
      ...common,
      headers: { ...common.headers, ...header },
      query: { ...common.query, contexts: json(contexts) },
    };
  }

  /** The engine asks for what it needs and does not have. */
  async #send(handlers: Map<string, Handler>, withBerth: boolean, undo: Undo): Promise<Placed> {
    const { dockerfile, named } = this.#job.input;
    const context = await this.#sendable(withBerth, undo);
    const { memoryTree, openFileTree } = await buildkit();
    const directories = new Map<string, (filter: TreeFilter) => FileTree | Promise<FileTree>>();
    const contexts: Record<string, string> = {};
    for (const [name, each] of named) {
      if (each.kind === "folder") directories.set(name, (filter) => openFileTree(each.path, filter));
      contexts[name] = each.kind === "folder" ? `local:${name}` : each.address;
    }
    if (!withBerth && named.size > 0) throw new Error("this engine takes no --build-context");
    if (context.kind === "folder") directories.set("context", (filter) => openFileTree(context.path, filter));
    if (context.kind === "files" && !withBerth)
      directories.set("context", (filter) => filesAsTree(context.files, filter));
    if (directories.size === 0 && withBerth) {
      const common = this.#commonPlace();
      return { ...common, query: { ...common.query, contexts: json(contexts) } };
    }
    if (dockerfile.kind === "text") {
      const files = new Map([["Dockerfile", dockerfile.text]]);
      if (dockerfile.ignore !== undefined) files.set("Dockerfile.dockerignore", dockerfile.ignore);
      directories.set("dockerfile", () => memoryTree(files));
      if (context.kind === "nothing") directories.set("context", () => memoryTree(new Map()));
    } else {
      const tree = directories.get("context");
      if (tree !== undefined) directories.set("dockerfile", tree);
    }
    const { fileSync } = await services();
    handlers.set(...fileSync(directories));
    const name = dockerfile.kind === "inside" ? dockerfile.name : "Dockerfile";
    const remote = context.kind === "remote" ? context.url : "client-session";
    const query = { remote, dockerfile: name, contexts: json(contexts) };
    // Named contexts travel by the session, the files themselves as a tar.
    const hasTar = context.kind === "tar" || context.kind === "files";
    if (hasTar && withBerth) return { ...this.#commonPlace(), query: { ...query, remote: undefined } };
    return { query, headers: {}, body: undefined };
  }

  /** BuildKit takes no tar: it asks for the files that are in it. */
  async #sendable(withBerth: boolean, undo: Undo): Promise<BuildInput["context"]> {
    const { context } = this.#job.input;
    if (context.kind !== "tar" || withBerth) return context;
    const { unpackedContext } = await import("./unpacked-context.ts");
    return { kind: "folder", path: await unpackedContext(context.bytes, undo) };
  }

  /** What does not depend on where the folders are. */
  #commonPlace(): Placed {
    const { context, dockerfile } = this.#job.input;
    const name = dockerfile.kind === "inside" ? dockerfile.name : "Dockerfile";
    const query = { dockerfile: name, remote: context.kind === "remote" ? context.url : undefined };
    if (dockerfile.kind === "text") {
      return { query, headers: { "Content-Type": "text/x-dockerfile" }, body: dockerfile.text };
    }
    const tar =
      context.kind === "tar"
        ? context.bytes
        : context.kind === "files"
          ? filesAsTar(context.files)
          : undefined;
    const headers: Record<string, string> = tar === undefined ? {} : { "Content-Type": "application/x-tar" };
    return { query, headers, body: tar };
  }

  // ——— the session ———

  async #handlers(): Promise<[string, Handler][]> {
    const { options, plan, secrets, agents } = this.#job;
    const config = options.config ?? (await loadClientConfig(configDirectory(process.env)));
    const hasCredentials =
      Object.keys(config.auths ?? {}).length > 0 ||
      Object.keys(config.credHelpers ?? {}).length > 0 ||
      Boolean(config.credsStore);
    if (secrets.size + agents.size === 0 && plan.takes.size === 0 && !hasCredentials) return [];
    const { authService, fileSend, secretService, sshService } = await services();
    return [
      ...(secrets.size > 0 ? [secretService(secrets)] : []),
      ...(agents.size > 0 ? sshService(agents) : []),
      ...(plan.takes.size === 0 ? [] : [fileSend(plan.takes)]),
      ...(hasCredentials ? [authService(config)] : []),
    ];
  }

  /** @returns its id */
  async #openSession(
    handlers: ReadonlyMap<string, Handler>,
    undo: Undo,
    signal: AbortSignal,
  ): Promise<string> {
    const { engine, input } = this.#job;
    const id = await newSessionId();
    const place = input.context.kind === "folder" ? input.context.path : "-";
    const headers = {
      "X-Docker-Expose-Session-Uuid": id,
      "X-Docker-Expose-Session-Name": encodeURIComponent(place.slice(place.lastIndexOf("/") + 1)),
      "X-Docker-Expose-Session-Sharedkey": await (await import("./session/shared-key.ts")).sharedKey(place),
      "X-Docker-Expose-Session-Grpc-Method": ["/grpc.health.v1.Health/Check", ...handlers.keys()],
    };
    const { stream } = await engine.hijack({ method: "POST", path: "/session", headers, signal }, "h2c");
    const { serveEngine } = await import("./session/server.ts");
    const server = serveEngine(stream, handlers);
    undo.defer(() => server.close());
    return id;
  }

  // ——— the answer ———

  async #read(
    messages: AsyncIterable<AnyMessage>,
    decode: ((bytes: Uint8Array) => StatusMessage) | undefined,
  ): Promise<BuildResult> {
    const { onProgress } = this.#job.options;
    let [imageId, facts] = ["", {} as Record<string, unknown>];
    let answer: unknown;
    const warnings: BuildWarning[] = [];
    for await (const { id: kind, aux, error, errorDetail } of messages) {
      const message = errorDetail?.message ?? error;
      if (message) throw new BuildError(message);
      if (kind === "moby.buildkit.trace") {
        if (decode === undefined || typeof aux !== "string") continue;
        const status = decode(Buffer.from(aux, "base64"));
        warnings.push(...status.warnings);
        await onProgress?.(status);
      } else if (kind === "moby.image.id") imageId = (aux as { ID?: string }).ID ?? imageId;
      else if (kind === "berth.build.answer") answer = aux;
      else if (kind === "berth.build.metadata") facts = aux as Record<string, unknown>;
    }
    const { "berth.warnings": _, ...told } = facts;
    const digest = told["containerimage.digest"];
    return {
      imageId,
      ...(typeof digest === "string" && { digest }),
      metadata: { ...(imageId === "" ? {} : { "containerimage.config.digest": imageId }), ...told },
      warnings,
      ...(answer !== undefined && { answer }),
    };
  }
}

/** An engine that has told nothing yet can still answer with a status. */
function isFailedBuild(error: unknown): error is ResponseError {
  return error instanceof ResponseError && /^failed to solve: /m.test(error.message);
}

type AnyMessage = Omit<JsonMessage, "aux"> & { readonly aux?: unknown };

/** 25 letters and digits, as BuildKit's clients make them. */
async function newSessionId(): Promise<string> {
  const bytes = (await webCrypto()).getRandomValues(new Uint8Array(25));
  return [...bytes].map((byte) => (byte % 36).toString(36)).join("");
}
