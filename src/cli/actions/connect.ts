import { VERSION } from "../../lib/index.ts";
import { DEFAULT_SOCKET, Engine } from "../../sdk/index.ts";
import type { Cli } from "../cli.ts";

/** Finds the engine; where none runs at the default address, the first request starts one if it may. */
export async function connect(cli: Cli): Promise<Engine> {
  const { endpoint } = await cli.endpoint();
  const { HttpHeaders } = await cli.config();
  const apiVersion = cli.env["DOCKER_API_VERSION"];
  const isDefault = endpoint.kind === "unix" && endpoint.path === DEFAULT_SOCKET;
  return new Engine(endpoint, {
    userAgent: `berth/${VERSION}`,
    trace: (line) => cli.debug(line),
    ...(HttpHeaders && { headers: HttpHeaders }),
    ...(apiVersion === undefined || apiVersion === "" ? {} : { apiVersion }),
    ...(isDefault && { whenUnreachable: async () => (await import("./start-engine.ts")).startEngine(cli) }),
  });
}
