import { EngineError, invalidParameter } from "../lib/index.ts";
import type { ContainerCreateRequest, HostConfig, JsonMessage } from "../wire/index.ts";
import { type ClientConfig, configDirectory, loadClientConfig } from "./client-config.ts";
import { Container } from "./container.ts";
import { encodeAuth, findCredentials, registryOfImage } from "./credentials.ts";
import type { Engine } from "./engine.ts";
import type { CreateOptions, RunOptions } from "./run-options.ts";

export interface PullOptions {
  /** `linux/amd64` */
  readonly platform?: string | undefined;
  /** Where credentials of registries are; `~/.docker/config.json` unless told. */
  readonly config?: ClientConfig | undefined;
  readonly onProgress?: ((message: JsonMessage) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export async function runContainer(engine: Engine, image: string, options: RunOptions): Promise<Container> {
  const container = await createContainer(engine, image, options);
  try {
    await container.start(options.signal);
    const { waitFor, signal } = options;
    if (waitFor === "healthy") await container.waitForHealthy(signal);
    else if (waitFor instanceof RegExp) await container.waitForLog(waitFor, signal);
    else await waitFor?.(container);
    return container;
  } catch (error) {
    // The first failure is what counts; nobody else knows the container, so it goes even where it was to be kept.
    await container.remove().catch(() => {});
    throw error;
  }
}

export async function createContainer(
  engine: Engine,
  image: string,
  options: CreateOptions,
): Promise<Container> {
  const { name, platform, pull = "missing", signal, keep = false } = options;
  const request = requestOf(image, options);
  const settings = { ...(name && { name }), ...(platform && { platform }) };
  const create = () => createWhole(engine, () => engine.containers.create(request, settings), signal);
  const fetchImage = () => pullImage(engine, image, { platform, onProgress: options.onPull, signal });
  if (pull === "always") await fetchImage();
  const { Id } = await create().catch(async (error: unknown) => {
    if (pull !== "missing" || !isMissingImage(error)) throw error;
    await fetchImage();
    return create();
  });
  const given = name ?? (await engine.containers.inspect(Id, { signal })).Name;
  return new Container(engine, { id: Id, name: plainName(given), tty: request.Tty === true, keep });
}

/** How long a container that nobody wants any more is waited for, to take it away before its caller hears of the end. */
const UNWANTED_MS = 5_000;

/** A request that is broken off may still make a container: so it is not, and what it makes is removed. */
async function createWhole<Created extends { readonly Id: string }>(
  engine: Engine,
  create: () => Promise<Created>,
  signal: AbortSignal | undefined,
): Promise<Created> {
  signal?.throwIfAborted();
  const creating = create();
  if (signal === undefined) return creating;
  const { aborted, forget } = abortOf(signal);
  const created = await Promise.race([creating, aborted]).finally(forget);
  if (created !== undefined) return created;
  const removal = creating.then(
    ({ Id }) => engine.containers.remove(Id, { force: true, volumes: true }),
    () => {},
  );
  let timer: ReturnType<typeof setTimeout> | undefined;
  const enough = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, UNWANTED_MS);
  });
  await Promise.race([removal.catch(() => {}), enough]);
  clearTimeout(timer);
  throw signal.reason;
}

/** Resolves when the signal aborts. */
function abortOf(signal: AbortSignal): { aborted: Promise<undefined>; forget: () => void } {
  let onAbort = () => {};
  const aborted = new Promise<undefined>((resolve) => {
    onAbort = () => resolve(undefined);
  });
  signal.addEventListener("abort", onAbort, { once: true });
  return { aborted, forget: () => signal.removeEventListener("abort", onAbort) };
}

/** A handle for a container that is there; it stays when the handle is disposed of. */
export async function findContainer(
  engine: Engine,
  ref: string,
  signal: AbortSignal | undefined,
): Promise<Container> {
  const { Id, Name, Config } = await engine.containers.inspect(ref, { signal });
  return new Container(engine, { id: Id, name: plainName(Name), tty: Config.Tty === true, keep: true });
}

/** Engines put a slash in front. */
const plainName = (name: string) => name.replace(/^\//, "");

/** berth and Docker: `No such image: x`; Podman: `x: image not known`. */
function isMissingImage(error: unknown): boolean {
  return error instanceof EngineError && error.kind === "NotFound" && /image/i.test(error.message);
}

/** @throws EngineError with what the registry or the engine says */
export async function pullImage(engine: Engine, image: string, options: PullOptions = {}): Promise<void> {
  const config = options.config ?? (await loadClientConfig(configDirectory(process.env)));
  const auth = await findCredentials(config, registryOfImage(image));
  const { platform, signal, onProgress } = options;
  const progress = await engine.images.pull(
    { ...splitReference(image), ...(platform !== undefined && { platform }) },
    auth && encodeAuth(auth),
    signal,
  );
  for await (const message of progress) {
    const failure = message.errorDetail?.message ?? message.error;
    if (failure) throw new EngineError("System", failure);
    onProgress?.(message);
  }
}

/** Without a tag the engine would pull all of them. */
function splitReference(image: string): { fromImage: string; tag?: string } {
  if (image.includes("@")) return { fromImage: image };
  const colon = image.lastIndexOf(":");
  return colon > image.lastIndexOf("/")
    ? { fromImage: image.slice(0, colon), tag: image.slice(colon + 1) }
    : { fromImage: image, tag: "latest" };
}

function requestOf(image: string, options: CreateOptions): ContainerCreateRequest {
  const { config = {}, env, ports, labels, network, aliases } = options;
  const published = portsOf(ports ?? []);
  const entries = Object.entries(env ?? {}).map(([name, value]) => `${name}=${value}`);
  const endpoint = network !== undefined && aliases !== undefined && { [network]: { Aliases: [...aliases] } };
  return {
    ...config,
    Image: image,
    ...given("Cmd", options.command && [...options.command]),
    ...given("Entrypoint", options.entrypoint && [...options.entrypoint]),
    ...given("WorkingDir", options.workingDir),
    ...given("User", options.user),
    ...given("Hostname", options.hostname),
    ...given("Tty", options.tty),
    ...(options.stdin === true && { OpenStdin: true, StdinOnce: true, AttachStdin: true }),
    ...(env && { Env: [...(config.Env ?? []), ...entries] }),
    ...(labels && { Labels: { ...config.Labels, ...labels } }),
    ...(ports && { ExposedPorts: { ...config.ExposedPorts, ...published.exposed } }),
    ...(endpoint && { NetworkingConfig: { EndpointsConfig: endpoint } }),
    HostConfig: hostConfigOf(options, published.bindings),
  };
}

function hostConfigOf(options: CreateOptions, bindings: Bindings): HostConfig {
  const host: HostConfig = { ...options.config?.HostConfig, ...options.hostConfig };
  return {
    ...host,
    ...(options.ports && { PortBindings: { ...host.PortBindings, ...bindings } }),
    ...(options.volumes && { Binds: [...(host.Binds ?? []), ...options.volumes] }),
    ...given("NetworkMode", options.network),
  };
}

function given<Name extends string, Value>(
  name: Name,
  value: Value | undefined,
): { readonly [Key in Name]?: Value } {
  return value === undefined ? {} : ({ [name]: value } as { [Key in Name]: Value });
}

type Bindings = Record<string, { HostIp: string; HostPort: string }[]>;

/** `[address:][host port:]port[/protocol]`; an IPv6 address in brackets. */
const PORT = /^(?:(?:(\[[0-9a-fA-F:]+\]|[^:[\]]*):)?(\d*):)?(\d+)(?:\/(tcp|udp|sctp))?$/;

function portsOf(ports: readonly (number | string)[]): {
  exposed: Record<string, object>;
  bindings: Bindings;
} {
  const bindings: Bindings = {};
  for (const port of ports) {
    const match = PORT.exec(String(port));
    if (match === null) throw invalidParameter(`invalid port: ${port}`);
    const [, address = "", outside = "", inside, protocol = "tcp"] = match;
    const key = `${inside}/${protocol}`;
    bindings[key] = [
      ...(bindings[key] ?? []),
      { HostIp: address.replaceAll(/[[\]]/g, ""), HostPort: outside },
    ];
  }
  return { exposed: Object.fromEntries(Object.keys(bindings).map((key) => [key, {}])), bindings };
}
