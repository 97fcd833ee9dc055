import { notFound } from "../../lib/index.ts";
import type { Engine } from "../../sdk/index.ts";
import { canonicalName, serviceContainer } from "./containers.ts";

/**
 * Where a port of a service is to be reached: `127.0.0.1:8080`.
 * @throws where the service does not run, or does not publish that port.
 */
export async function publishedPort(
  engine: Engine,
  project: string,
  service: string,
  { port, protocol, index }: { readonly port: number; readonly protocol: string; readonly index: number },
): Promise<{ readonly ip: string; readonly port: number }> {
  const container = await serviceContainer(engine, project, service, { index, oneOff: "include" });
  const ports = container.Ports ?? [];
  const found = ports.find(({ PrivatePort, Type }) => PrivatePort === port && Type === protocol);
  if (found?.PublicPort !== undefined && found.PublicPort !== 0) {
    return { ip: found.IP ?? "0.0.0.0", port: found.PublicPort };
  }
  const published = ports.map(({ PrivatePort, Type }) => `${PrivatePort}/${Type}`).join(", ");
  throw notFound(`no port ${port}/${protocol} for container ${canonicalName(container)}: ${published}`);
}
