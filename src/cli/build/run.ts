import { closeSync, constants, fstatSync, openSync, readFileSync, writeFileSync } from "node:fs";
import type { FileTree, TreeFilter } from "../../lib/buildkit/index.ts";
import { type Engine, jsonLines, ResponseError } from "../../sdk/index.ts";
import type { JsonMessage } from "../../wire/index.ts";
import type { Cli } from "../cli.ts";
import { ExitError } from "../errors.ts";
import { isTerminal } from "../terminal/tty.ts";
import type { CheckedWarning } from "./check-report.ts";
import { type BuildInput, readInput } from "./input.ts";
import { type OutputPlan, planOutput } from "./outputs.ts";
import { isRemote } from "./places.ts";
import { PROGRESS_KINDS, type ProgressKind, type ProgressView, progressView } from "./progress/view.ts";
import { type BuildFlags, commonQuery, json, wantsInlineCache, wantsProvenance } from "./request.ts";
import { parseSecrets, type Secret } from "./secrets.ts";
import type { Handler } from "./session/server.ts";

export interface RunFlags extends BuildFlags {
  readonly "build-context": readonly string[];
  readonly call: string;
  readonly check: boolean;
  readonly file: string;
  readonly iidfile: string;
  readonly load: boolean;
  readonly "metadata-file": string;
  readonly output: readonly string[];
  readonly progress: string;
  readonly push: boolean;
  readonly quiet: boolean;
  readonly secret: readonly string[];
  readonly ssh: readonly string[];
}

/** Loaded where there is a session: HTTP/2 takes its time. */
const services = () => import("./session/services.ts");
/** Loaded where an agent is forwarded. */
const ssh = () => import("./ssh.ts");
const NO_AGENTS = { sockets: new Map<string, string>(), [Symbol.dispose]() {} };
/** Loaded where its words are spoken, which a quiet build with shared folders does not. */
const buildkit = () => import("../../lib/buildkit/index.ts");
const progressViews = () => Promise.all([buildkit(), import("./progress/plain-view.ts")]);

/** Ended by Ctrl-C, as a shell tells it. */
const INTERRUPTED = 130;

/** What an engine says of itself. */
export interface Identity {
  readonly server: string;
  readonly builder: string;
}

export const isBerth = ({ server }: Identity) => /^berth\//i.test(server);

/** A socket may lead to an engine of ours: such a build is asked for in words that every other engine refuses at once. */
const UNASKED = "berth";

/**
 * Builds, where all that is needed is a folder that an engine of ours opens itself, without asking first who is there: that
 * would take a fifth of the time of a build of which nothing changed.
 * @returns the exit code; undefined where it has to be asked after all
 */
export async function tryBuild(cli: Cli, argument: string, flags: RunFlags): Promise<number | undefined> {
  const needed = [flags.secret, flags.ssh, flags.output, flags["cache-to"]];
  if (needed.some((list) => list.length > 0) || argument === "-" || flags.file === "-") return undefined;
  const engine = await cli.engine();
  if (engine.endpoint.kind !== "unix" || isRemote(argument)) return undefined;
  const prepared = await prepare(argument, flags).catch(() => undefined);
  if (prepared === undefined || !sharesFolders(prepared.input)) return undefined;
  const build = new Build({ ...prepared, cli, engine, flags, secrets: new Map(), agents: new Map() });
  if (await build.needsSession()) return undefined;
  try {
    return await build.run("shared", true, UNASKED);
  } catch (error) {
    if (!(error instanceof ResponseError)) throw error;
    const isOurs = isBerth({ server: error.server, builder: "" });
    if (isOurs && error.status !== 409 && !error.message.startsWith("invalid version")) throw error;
    cli.debug(`the engine is asked who it is: ${error.message}`);
    return undefined;
  }
}

/** What the command line asks for. @throws with Docker's words */
async function prepare(
  argument: string,
  flags: RunFlags,
): Promise<Pick<BuildOptions, "checkOnly" | "plan" | "input">> {
  return {
    checkOnly: flags.check || checkCall(flags.call) === "check",
    plan: planOutput(flags),
    input: await readInput(argument, flags.file, flags["build-context"]),
  };
}

/** Builds in BuildKit's way. @returns the exit code */
export async function runBuild(
  cli: Cli,
  argument: string,
  flags: RunFlags,
  identity: Identity,
): Promise<number> {
  const checkOnly = flags.check || checkCall(flags.call) === "check";
  const engine = await cli.engine();
  const plan = planOutput(flags);
  using agents = flags.ssh.length === 0 ? NO_AGENTS : (await ssh()).openSshAgents(flags.ssh, cli.env);
  const secrets = parseSecrets(flags.secret, cli.env);
  const input = await readInput(argument, flags.file, flags["build-context"]);
  const build = new Build({ cli, engine, flags, plan, input, checkOnly, secrets, agents: agents.sockets });
  const canShare = isBerth(identity) && engine.endpoint.kind === "unix" && sharesFolders(input);
  try {
    return await build.run(canShare ? "shared" : "sent", isBerth(identity));
  } catch (error) {
    // A socket that leads to another machine: the folder is not open there.
    if (!canShare || !(error instanceof ResponseError) || error.status !== 409) throw error;
    cli.debug(`the engine does not see this machine's folders: ${error.message}`);
    return await build.run("sent", true);
  }
}

/** @throws for what is not known */
function checkCall(call: string): "build" | "check" {
  if (call === "" || call === "build") return "build";
  if (call === "check" || call === "lint") return "check";
  throw new Error(`invalid value for --call: ${JSON.stringify(call)}: only build and check are supported`);
}

/** A Dockerfile from elsewhere with an ignore file of its own travels as files do. */
function sharesFolders({ context, dockerfile, named }: BuildInput): boolean {
  if (context.kind === "remote") return [...named.values()].some(({ kind }) => kind === "folder");
  return dockerfile.kind === "inside" || dockerfile.ignore === undefined;
}

interface BuildOptions {
  readonly cli: Cli;
  readonly engine: Engine;
  readonly flags: RunFlags;
  readonly plan: OutputPlan;
  readonly input: BuildInput;
  readonly checkOnly: boolean;
  readonly secrets: ReadonlyMap<string, Secret>;
  readonly agents: ReadonlyMap<string, string>;
}

/** What the request says of where the files are. */
interface Placed {
  readonly query: Readonly<Record<string, string | undefined>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | AsyncIterable<Uint8Array> | undefined;
}

class Build {
  readonly #options: BuildOptions;

  constructor(options: BuildOptions) {
    this.#options = options;
  }

  /** Whether the engine is to be able to ask for something. */
  async needsSession(): Promise<boolean> {
    return (await this.#handlers()).length > 0;
  }

  /**
   * @param files whether the engine opens our folders itself, or we send what it asks for
   * @param version of the builder; `UNASKED` where nobody knows yet whose engine it is
   * @throws ResponseError also where the answer is not that of an engine of ours, though it was asked for
   */
  async run(files: "shared" | "sent", withBerth: boolean, version = "2"): Promise<number> {
    const { cli, engine, flags, plan, checkOnly } = this.#options;
    using stack = new DisposableStack();
    const handlers = new Map<string, Handler>(await this.#handlers());
    const placed = files === "shared" ? this.#share(stack) : await this.#send(handlers, withBerth);
    const abort = new AbortController();
    const interrupt = () => abort.abort(new ExitError(INTERRUPTED, "ERROR: context canceled"));
    process.once("SIGINT", interrupt).once("SIGTERM", interrupt);
    stack.defer(() => void process.off("SIGINT", interrupt).off("SIGTERM", interrupt));
    const session = handlers.size === 0 ? "" : await this.#openSession(handlers, stack, abort.signal);
    const tags = [...flags.tag, ...plan.tags];
    const query = {
      ...commonQuery(cli, { ...flags, tag: tags }),
      ...(withBerth ? this.#berthQuery() : {}),
      ...placed.query,
      version,
      buildid: newSessionId(),
      session: session || undefined,
      outputs: plan.asked === undefined ? undefined : JSON.stringify(plan.asked),
      check: checkOnly || undefined,
    };
    const { headers, body } = placed;
    const { signal } = abort;
    const asked = engine.send({ method: "POST", path: "/build", query, headers, body, signal });
    // What shows progress is loaded while the build begins.
    const [answer] = await Promise.all([asked, this.#isTraced ? progressViews() : undefined]);
    const server = answer.headers.get("server") ?? "";
    if (version === UNASKED && !isBerth({ server, builder: "" })) {
      abort.abort();
      throw new ResponseError(answer.status, "this engine is another", server);
    }
    return await this.#follow(jsonLines<JsonMessage>(answer.body()), signal);
  }

  /** Whether anybody wants to know what goes on meanwhile. */
  get #isTraced(): boolean {
    const { flags, checkOnly } = this.#options;
    return checkOnly || !flags.quiet;
  }

  #berthQuery(): Readonly<Record<string, string | true | undefined>> {
    const { flags } = this.#options;
    return {
      nocachefilter: json(flags["no-cache-filter"]),
      inlinecache: wantsInlineCache(flags["cache-to"]) || undefined,
      provenance: wantsProvenance(flags.provenance) || undefined,
      metadata: flags["metadata-file"] !== "" || undefined,
      trace: this.#isTraced ? undefined : "0",
    };
  }

  // ——— where the files are ———

  /** The engine is told which of our descriptors are the folders: it reads what it needs, and nothing is sent. */
  #share(stack: DisposableStack): Placed {
    const { input } = this.#options;
    const offers: string[] = [];
    const offer = (name: string, path: string) => {
      const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
      stack.defer(() => closeSync(fd));
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
  async #send(handlers: Map<string, Handler>, withBerth: boolean): Promise<Placed> {
    const { input } = this.#options;
    const { context, dockerfile } = input;
    const { memoryTree, openFileTree } = await buildkit();
    const directories = new Map<string, (filter: TreeFilter) => FileTree>();
    const contexts: Record<string, string> = {};
    for (const [name, named] of input.named) {
      if (named.kind === "folder") directories.set(name, (filter) => openFileTree(named.path, filter));
      contexts[name] = named.kind === "folder" ? `local:${name}` : named.address;
    }
    if (!withBerth && input.named.size > 0) throw new Error("this engine takes no --build-context");
    if (context.kind === "folder") directories.set("context", (filter) => openFileTree(context.path, filter));
    if (directories.size === 0 && withBerth) {
      const common = this.#commonPlace();
      return { ...common, query: { ...common.query, contexts: json(contexts) } };
    }
    const text = dockerfile.kind === "text" ? dockerfile : undefined;
    if (text !== undefined) {
      const files = new Map([["Dockerfile", text.text]]);
      if (text.ignore !== undefined) files.set("Dockerfile.dockerignore", text.ignore);
      directories.set("dockerfile", () => memoryTree(files));
      if (context.kind === "nothing") directories.set("context", () => memoryTree(new Map()));
    } else if (context.kind === "folder") {
      directories.set("dockerfile", (filter) => openFileTree(context.path, filter));
    }
    const { fileSync } = await services();
    handlers.set(...fileSync(directories));
    const name = dockerfile.kind === "inside" ? dockerfile.name : "Dockerfile";
    const query = {
      remote: context.kind === "remote" ? context.url : "client-session",
      dockerfile: name,
      contexts: json(contexts),
    };
    if (context.kind === "tar") {
      if (!withBerth) throw new Error("this engine takes no tar on standard input: unpack it first");
      return { ...this.#commonPlace(), query: { ...query, remote: undefined } };
    }
    return { query, headers: {}, body: undefined };
  }

  /** What does not depend on where the folders are. */
  #commonPlace(): Placed {
    const { context, dockerfile } = this.#options.input;
    const name = dockerfile.kind === "inside" ? dockerfile.name : "Dockerfile";
    const query = { dockerfile: name, remote: context.kind === "remote" ? context.url : undefined };
    if (dockerfile.kind === "text") {
      return { query, headers: { "Content-Type": "text/x-dockerfile" }, body: dockerfile.text };
    }
    if (context.kind === "tar")
      return { query, headers: { "Content-Type": "application/x-tar" }, body: context.bytes };
    return { query, headers: {}, body: undefined };
  }

  // ——— the session ———

  async #handlers(): Promise<[string, Handler][]> {
    const { cli, plan, secrets, agents } = this.#options;
    const config = await cli.config();
    const hasCredentials =
      Object.keys(config.auths ?? {}).length > 0 ||
      Object.keys(config.credHelpers ?? {}).length > 0 ||
      Boolean(config.credsStore);
    if (secrets.size + agents.size === 0 && plan.take === undefined && !hasCredentials) return [];
    const { authService, fileSend, secretService, sshService } = await services();
    return [
      ...(secrets.size > 0 ? [secretService(secrets)] : []),
      ...(agents.size > 0 ? sshService(agents) : []),
      ...(plan.take === undefined ? [] : [fileSend(plan.take)]),
      ...(hasCredentials ? [authService(config)] : []),
    ];
  }

  /** @returns its id */
  async #openSession(
    handlers: ReadonlyMap<string, Handler>,
    stack: DisposableStack,
    signal: AbortSignal,
  ): Promise<string> {
    const { engine, input } = this.#options;
    const id = newSessionId();
    const place = input.context.kind === "folder" ? input.context.path : "-";
    const headers = {
      "X-Docker-Expose-Session-Uuid": id,
      "X-Docker-Expose-Session-Name": encodeURIComponent(place.slice(place.lastIndexOf("/") + 1)),
      "X-Docker-Expose-Session-Sharedkey": await sharedKey(place),
      "X-Docker-Expose-Session-Grpc-Method": ["/grpc.health.v1.Health/Check", ...handlers.keys()],
    };
    const { stream } = await engine.hijack({ method: "POST", path: "/session", headers, signal }, "h2c");
    const { serveCalls } = await import("./session/server.ts");
    const server = serveCalls(stream, handlers);
    stack.defer(() => server.close());
    return id;
  }

  // ——— the answer ———

  async #follow(messages: AsyncIterable<JsonMessage>, signal: AbortSignal): Promise<number> {
    const { cli, flags, plan, checkOnly } = this.#options;
    const isQuiet = flags.quiet || checkOnly;
    const kind = isQuiet ? "quiet" : progressKind(cli, flags);
    const view = await progressView(kind, cli.output, () => isTerminal(2));
    const result = await this.#read(messages, view, signal);
    if (checkOnly) {
      const { checkReport } = await import("./check-report.ts");
      cli.print(checkReport(result.warnings));
      return result.warnings.length > 0 ? 1 : 0;
    }
    if (flags.iidfile !== "") writeFileSync(flags.iidfile, result.id);
    if (flags["metadata-file"] !== "") {
      writeFileSync(flags["metadata-file"], `${JSON.stringify(result.metadata, undefined, 2)}\n`);
    }
    if (flags.quiet && !plan.toStdout && result.id !== "") cli.line(result.id);
    return 0;
  }

  async #read(
    messages: AsyncIterable<JsonMessage>,
    view: ProgressView,
    signal: AbortSignal,
  ): Promise<Result> {
    let [id, metadata] = ["", {} as Record<string, unknown>];
    const warnings: CheckedWarning[] = [];
    let failed = true;
    const decode = this.#isTraced ? (await buildkit()).decodeStatus : undefined;
    try {
      for await (const { id: kind, aux, error, errorDetail } of messages as AsyncIterable<AnyMessage>) {
        const message = errorDetail?.message ?? error;
        if (message) throw new Error(asError(message));
        if (kind === "moby.buildkit.trace") {
          if (decode === undefined || typeof aux !== "string") continue;
          const status = decode(Buffer.from(aux, "base64"));
          warnings.push(...status.warnings);
          view.show(status);
        } else if (kind === "moby.image.id") id = (aux as { ID?: string }).ID ?? id;
        else if (kind === "berth.build.metadata") metadata = aux as Record<string, unknown>;
      }
      failed = false;
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    } finally {
      view.end(failed);
    }
    delete metadata["berth.warnings"];
    return {
      id,
      metadata: { ...(id === "" ? {} : { "containerimage.config.digest": id }), ...metadata },
      warnings,
    };
  }
}

/** The lines of the Dockerfile, and the reason below them. */
function asError(message: string): string {
  const at = message.lastIndexOf("\nfailed to solve: ") + 1;
  return `${message.slice(0, at)}ERROR: ${message.slice(at)}`;
}

interface Result {
  readonly id: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly warnings: readonly CheckedWarning[];
}

type AnyMessage = Omit<JsonMessage, "aux"> & { readonly aux?: unknown };

/** @throws for what is not known */
function progressKind(cli: Cli, { progress }: RunFlags): ProgressKind {
  const wanted = progress === "" || progress === "auto" ? (cli.env["BUILDKIT_PROGRESS"] ?? "auto") : progress;
  const kind = PROGRESS_KINDS.find((one) => one === wanted);
  if (kind === undefined)
    throw new Error(`invalid progress mode ${JSON.stringify(wanted)}: one of ${PROGRESS_KINDS.join(", ")}`);
  return kind;
}

/** 25 letters and digits, as BuildKit's clients make them. */
function newSessionId(): string {
  return [...crypto.getRandomValues(new Uint8Array(25))].map((byte) => (byte % 36).toString(36)).join("");
}

/** By this the engine finds the copy of this folder that it made in an earlier build. */
async function sharedKey(place: string): Promise<string> {
  return new Bun.CryptoHasher("sha256").update(JSON.stringify([await machineId(), place])).digest("hex");
}

async function machineId(): Promise<string> {
  const { hostname } = await import("node:os");
  try {
    return readFileSync("/etc/machine-id", "utf8").trim() + hostname();
  } catch {
    return hostname();
  }
}
