import { stat } from "node:fs/promises";
import type { FoundEndpoint } from "./discover.ts";
import { DEFAULT_SOCKET, type Endpoint } from "./endpoint.ts";

/** Strategies by which somebody has named an address, which is used whether anybody listens there or not. */
const NAMED = new Set(["-H", "BERTH_HOST", "DOCKER_HOST"]);

/** Where nobody has named one: the first of the usual sockets that is there; berth's own where none is. */
export async function presentEndpoint(
  { endpoint, by }: FoundEndpoint,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Endpoint> {
  if (NAMED.has(by) || endpoint.kind !== "unix" || endpoint.path !== DEFAULT_SOCKET) return endpoint;
  const runtime = env["XDG_RUNTIME_DIR"];
  const paths = [
    DEFAULT_SOCKET,
    "/var/run/docker.sock",
    ...(runtime ? [`${runtime}/docker.sock`, `${runtime}/podman/podman.sock`] : []),
    ...(env["HOME"] ? [`${env["HOME"]}/.docker/run/docker.sock`] : []),
    "/run/podman/podman.sock",
  ];
  for (const path of paths) {
    const found = await stat(path).catch(() => undefined);
    if (found?.isSocket()) return { kind: "unix", path };
  }
  return endpoint;
}
