import { allCredentials } from "../../sdk/index.ts";
import type { HostConfig } from "../../wire/index.ts";
import type { Application, NamedService } from "../application.ts";
import type { FileToCopy } from "./context.ts";
import { clientConfig } from "./environment.ts";
import { wayTo } from "./files.ts";

const SOCKET = "/var/run/docker.sock";
const CONFIG_FOLDER = "/run/secrets/docker";
const CONFIG_FILE = `${CONFIG_FOLDER}/config.json`;

/**
 * `use_api_socket` as Docker Compose spells it out before it computes the configuration hash: the engine's socket, the
 * client's credentials, and a variable that says where they are.
 */
export function withApiSocket(service: NamedService): NamedService {
  if (service.use_api_socket !== true) return service;
  return {
    ...service,
    environment: { DOCKER_CONFIG: CONFIG_FOLDER, ...service.environment },
    volumes: [...(service.volumes ?? []), { type: "bind", source: SOCKET, target: SOCKET }],
    configs: [...(service.configs ?? []), { source: "#apisocket", target: CONFIG_FILE }],
  };
}

/** The same for the container: the socket where this engine has it, and what the client's configuration holds now. */
export async function apiSocket(
  app: Application,
  service: NamedService,
): Promise<{
  binds: NonNullable<HostConfig["Binds"]>;
  files: FileToCopy[];
  environment: [string, string][];
}> {
  if (service.use_api_socket !== true) return { binds: [], files: [], environment: [] };
  const { endpoint } = app.engine;
  const socket = endpoint.kind === "unix" ? endpoint.path : SOCKET;
  const auths = Object.entries(await allCredentials(await clientConfig(app))).map(
    ([registry, { serveraddress: _, username, password, ...rest }]) => [
      registry,
      { ...rest, ...(username === undefined ? {} : { auth: btoa(`${username}:${password ?? ""}`) }) },
    ],
  );
  const text = JSON.stringify({ auths: Object.fromEntries(auths) });
  const file: FileToCopy = {
    what: `the configuration for use_api_socket of service ${service.name}`,
    target: CONFIG_FILE,
    content: { text },
    uid: 0,
    gid: 0,
    mode: 0o444,
    by: wayTo(service, CONFIG_FILE),
  };
  return {
    binds: [`${socket}:${SOCKET}:rw`],
    files: [file],
    environment: [["DOCKER_CONFIG", CONFIG_FOLDER]],
  };
}
