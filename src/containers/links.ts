import { invalidParameter, messageOf, systemError } from "../lib/index.ts";
import type { Context } from "./context.ts";
import type { Link } from "./ports.ts";
import { type ContainerRecord, isRunning } from "./record.ts";

/** `name[:alias]`. @throws InvalidParameter `bad format for links: x` */
export function parseLink(text: string): { name: string; alias: string } {
  const [name = "", alias = name, ...more] = text.split(":");
  if (name === "" || alias === "" || more.length > 0) throw invalidParameter(`bad format for links: ${text}`);
  return { name: name.replace(/^\//, ""), alias: alias.slice(alias.lastIndexOf("/") + 1) };
}

/** At create: those that are linked to must be there. */
export function checkLinks(context: Pick<Context, "repository">, links: readonly string[]): void {
  for (const text of links) {
    const { name } = parseLink(text);
    try {
      context.repository.find(name);
    } catch (error) {
      throw invalidParameter(`could not get container for ${name}: ${messageOf(error)}`);
    }
  }
}

/** At start: they must run, too. */
export function resolveLinks(context: Pick<Context, "repository">, record: ContainerRecord): Link[] {
  return (record.host.Links ?? []).map((text) => {
    const { name, alias } = parseLink(text);
    const target = context.repository.find(name);
    if (!isRunning(target)) {
      throw systemError(
        `Cannot link to a non running container: /${target.name} AS /${record.name}/${alias}`,
      );
    }
    return {
      text,
      target: {
        id: target.id,
        name: target.name,
        hostname: target.config.Hostname ?? "",
        exposedPorts: Object.keys(target.config.ExposedPorts ?? {}),
        env: target.config.Env ?? [],
      },
    };
  });
}
