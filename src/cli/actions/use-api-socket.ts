import { encodeHeader, padding, TAR_END } from "../../lib/index.ts";
import type { ContainerCreateRequest } from "../../wire/index.ts";
import type { Cli } from "../cli.ts";
import { allCredentials } from "./credentials.ts";

const SOCKET = "/var/run/docker.sock";
const CONFIG_FOLDER = "/run/secrets/docker";

/** `--use-api-socket`: the container talks to this engine, with the registries' credentials of its caller. */
export interface ApiSocket {
  readonly request: ContainerCreateRequest;
  /** To be done once the container exists. */
  readonly finish: (container: string) => Promise<void>;
}

/** @throws where the engine is not reached by a socket of this host. */
export async function withApiSocket(cli: Cli, request: ContainerCreateRequest): Promise<ApiSocket> {
  const engine = await cli.engine();
  if (engine.endpoint.kind !== "unix") {
    throw new Error(
      `flag --use-api-socket can only be used with unix sockets: docker endpoint ${engine.address} incompatible`,
    );
  }
  const mount = { Type: "bind", Source: engine.endpoint.path, Target: SOCKET, BindOptions: {} };
  const host = { ...request.HostConfig, Mounts: [...(request.HostConfig?.Mounts ?? []), mount] };
  const mounted = { ...request, HostConfig: host };
  const auths = await allCredentials(await cli.config());
  const hasOwn = (request.Env ?? []).some((pair) => pair.startsWith("DOCKER_CONFIG="));
  if (hasOwn || Object.keys(auths).length === 0) return { request: mounted, finish: async () => {} };
  const config = new TextEncoder().encode(JSON.stringify({ auths }));
  return {
    request: { ...mounted, Env: [...(request.Env ?? []), `DOCKER_CONFIG=${CONFIG_FOLDER}`] },
    finish: (container) => engine.containers.archives.put(container, "/", configArchive(config)),
  };
}

async function* configArchive(config: Uint8Array): AsyncGenerator<Uint8Array, void> {
  for (const name of ["run/", "run/secrets/", "run/secrets/docker/"])
    yield encodeHeader({ name, kind: "directory", mode: 0o755 });
  const name = `${CONFIG_FOLDER.slice(1)}/config.json`;
  yield encodeHeader({ name, kind: "file", mode: 0o600, size: config.length });
  yield config;
  yield padding(config.length);
  yield TAR_END;
}
