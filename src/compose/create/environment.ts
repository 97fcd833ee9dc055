import { type ClientConfig, configDirectory, loadClientConfig, proxyVariables } from "../../sdk/index.ts";
import type { Application, NamedService } from "../application.ts";

/**
 * `NAME=value` for each variable of the service, `NAME` where it is to be taken away from what the image says, and before
 * them the proxies that the client's configuration gives to every container.
 */
export async function containerEnvironment(
  app: Application,
  service: NamedService,
  further: readonly (readonly [string, string])[] = [],
): Promise<string[]> {
  const proxies = proxyVariables(await clientConfig(app), app.engine.address);
  const variables = new Map<string, string | null>([...proxies, ...further]);
  for (const [name, value] of Object.entries(service.environment ?? {})) variables.set(name, value);
  return environmentList(variables);
}

/** Variables as the Engine API takes them. */
export function environmentList(variables: Iterable<readonly [string, string | null]>): string[] {
  return Array.from(variables, ([name, value]) => (value === null ? name : `${name}=${value}`));
}

const configs = new WeakMap<object, Promise<ClientConfig>>();

/** `~/.docker/config.json`, read once for a project. */
export function clientConfig({ project }: Application): Promise<ClientConfig> {
  let config = configs.get(project.environment);
  if (config === undefined) {
    config = loadClientConfig(configDirectory(Object.fromEntries(project.environment)));
    configs.set(project.environment, config);
  }
  return config;
}
