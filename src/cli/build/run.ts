import { closeSync, constants, fstatSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { decodeStatus, memoryTree, openFileTree, type TreeFilter } from "../../lib/buildkit/index.ts";
import { type Engine, jsonLines, ResponseError } from "../../sdk/index.ts";
import type { JsonMessage } from "../../wire/index.ts";
import type { Cli } from "../cli.ts";
import { ExitError } from "../errors.ts";
import { isTerminal } from "../terminal/tty.ts";
import { type CheckedWarning, checkReport } from "./check-report.ts";
import { type BuildInput, readInput } from "./input.ts";
import { type OutputPlan, planOutput } from "./outputs.ts";
import { PROGRESS_KINDS, type ProgressKind, type ProgressView, progressView } from "./progress/view.ts";
import { type BuildFlags, commonQuery, json, wantsInlineCache, wantsProvenance } from "./request.ts";
import { parseSecrets, type Secret } from "./secrets.ts";
import type { Handler } from "./session/server.ts";
import { openSshAgents } from "./ssh.ts";

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

/** Ended by Ctrl-C, as a shell tells it. */
const INTERRUPTED = 130;

/** What an engine says of itself. */
export interface Identity {
  readonly server: string;
  readonly builder: string;
}

export const isBerth = ({ server }: Identity) => /^berth\//i.test(server);

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
  using agents = openSshAgents(flags.ssh, cli.env);
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

  /** @param files whether the engine opens our folders itself, or we send what it asks for */
  async run(files: "shared" | "sent", withBerth: boolean): Promise<number> {
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
      version: "2",
      buildid: newSessionId(),
      session: session || undefined,
      outputs: plan.asked === undefined ? undefined : JSON.stringify(plan.asked),
      check: checkOnly || undefined,
    };
    const { headers, body } = placed;
    const answer = await engine.stream({
      method: "POST",
      path: "/build",
      query,
      headers,
      body,
      signal: abort.signal,
    });
    return await this.#follow(jsonLines<JsonMessage>(answer), abort.signal);
  }

  #berthQuery(): Readonly<Record<string, string | true | undefined>> {
    const { flags } = this.#options;
    return {
      nocachefilter: json(flags["no-cache-filter"]),
      inlinecache: wantsInlineCache(flags["cache-to"]) || undefined,
      provenance: wantsProvenance(flags.provenance) || undefined,
      metadata: true,
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
    const directories = new Map<string, (filter: TreeFilter) => ReturnType<typeof openFileTree>>();
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
      "X-Docker-Expose-Session-Sharedkey": sharedKey(place),
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
    const view = progressView(isQuiet ? "quiet" : progressKind(cli, flags), cli.output, () => isTerminal(2));
    const result = await this.#read(messages, view, signal);
    if (checkOnly) {
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
    try {
      for await (const { id: kind, aux, error, errorDetail } of messages as AsyncIterable<AnyMessage>) {
        const message = errorDetail?.message ?? error;
        if (message) throw new Error(asError(message));
        if (kind === "moby.buildkit.trace" && typeof aux === "string") {
          const status = decodeStatus(Buffer.from(aux, "base64"));
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
function sharedKey(place: string): string {
  return new Bun.CryptoHasher("sha256").update(JSON.stringify([machineId(), place])).digest("hex");
}

function machineId(): string {
  try {
    return readFileSync("/etc/machine-id", "utf8").trim() + hostname();
  } catch {
    return hostname();
  }
}
