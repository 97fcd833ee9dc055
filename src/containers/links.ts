import { invalidParameter, messageOf, notFound, systemError } from "../lib/index.ts";
import type { NetworkSettings } from "../wire/index.ts";
import type { Context } from "./context.ts";
import { readdressInEtcHosts, removeFromEtcHosts } from "./etc-update.ts";
import type { Link } from "./ports.ts";
import { type ContainerRecord, hasProcess, isRunning } from "./record.ts";

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

/** Links of the host configuration belong to the default bridge; other networks have names. */
function legacyLinks({ host }: ContainerRecord): readonly string[] {
  return (host.NetworkMode ?? "bridge") === "bridge" ? (host.Links ?? []) : [];
}

/** As `inspect` shows them: `/database:/web/db`. */
export function shownLinks(record: ContainerRecord): string[] | null {
  const links = legacyLinks(record).map(parseLink);
  return links.length === 0 ? null : links.map(({ name, alias }) => `/${name}:/${record.name}/${alias}`);
}

/** By id, what the containers that others are linked to are called there: `/web/db`. */
export function namesByLinks({ repository }: Pick<Context, "repository">): Map<string, string[]> {
  const names = new Map<string, string[]>();
  for (const record of repository.all()) {
    for (const { name, alias } of legacyLinks(record).map(parseLink)) {
      const id = linkedTo(repository, name)?.id;
      if (id !== undefined) names.set(id, [...(names.get(id) ?? []), `/${record.name}/${alias}`]);
    }
  }
  return names;
}

/**
 * The container that another one is linked to by this name, `web/db`, as every command takes it (moby, `registerLink`).
 */
export function byLinkName(
  { repository }: Pick<Context, "repository">,
  reference: string,
): ContainerRecord | undefined {
  const [, owner, alias] = /^\/?([^/]+)\/([^/]+)$/.exec(reference) ?? [];
  const record = owner === undefined ? undefined : repository.byName(owner);
  const link =
    record &&
    legacyLinks(record)
      .map(parseLink)
      .find((one) => one.alias === alias);
  return link && linkedTo(repository, link.name);
}

/** Links name containers, or the beginnings of their ids. */
function linkedTo(repository: Context["repository"], name: string): ContainerRecord | undefined {
  return repository.byName(name) ?? repository.byPrefix(name)[0];
}

/**
 * `docker rm --link web/db`: the one is linked to the other no more.
 * @throws NotFound where there is no such link; System for the name of a container
 */
export function removeLink(context: Pick<Context, "repository" | "paths">, reference: string): void {
  const name = reference.replace(/^\//, "");
  const alias = name.slice(name.lastIndexOf("/") + 1);
  if (alias === name) {
    context.repository.find(reference);
    throw systemError("Conflict, cannot remove the default link name of the container");
  }
  const record = context.repository.byName(name.slice(0, -alias.length - 1));
  const link = record && legacyLinks(record).find((text) => parseLink(text).alias === alias);
  if (record === undefined || link === undefined) throw notFound(`No such container: ${reference}`);
  record.host = { ...record.host, Links: (record.host.Links ?? []).filter((text) => text !== link) };
  context.repository.save(record);
  if (hasProcess(record)) removeFromEtcHosts(context, record, alias);
}

/** Those who are linked to a container by its old name are linked to it by its new one from now on. */
export function renameInLinks(context: Pick<Context, "repository">, oldName: string, name: string): void {
  for (const other of context.repository.all()) {
    const { Links } = other.host;
    if (!Links?.some((text) => parseLink(text).name === oldName)) continue;
    const renamed = Links.map((text) => {
      const link = parseLink(text);
      return link.name === oldName ? `${name}:${link.alias}` : text;
    });
    other.host = { ...other.host, Links: renamed };
    context.repository.save(other);
  }
}

/** A container that others are linked to has started: it may have another address now, which their /etc/hosts tells. */
export function refreshLinks(
  context: Pick<Context, "repository" | "paths">,
  record: ContainerRecord,
  settings: NetworkSettings,
): void {
  const address = settings.Networks?.["bridge"]?.IPAddress;
  if (!address) return;
  for (const other of context.repository.all()) {
    if (!hasProcess(other)) continue;
    for (const text of legacyLinks(other)) {
      const { name, alias } = parseLink(text);
      if (name !== record.name && !record.id.startsWith(name)) continue;
      readdressInEtcHosts(context, other, alias, address);
    }
  }
}

/** At start: they must run, too. */
export function resolveLinks(context: Pick<Context, "repository">, record: ContainerRecord): Link[] {
  return legacyLinks(record).map((text) => {
    const { name, alias } = parseLink(text);
    const target = context.repository.find(name);
    if (!isRunning(target)) {
      throw systemError(
        `Cannot link to a non running container: /${target.name} AS /${record.name}/${alias}`,
      );
    }
    return linkTo(text, target);
  });
}

/** What links add to the environment of a further process, as it is now: those whose targets run. */
export function linkEnvironment(
  context: Pick<Context, "repository" | "endpoints">,
  record: ContainerRecord,
): readonly string[] {
  const links = legacyLinks(record).flatMap((text) => {
    const target = context.repository.byName(parseLink(text).name);
    return target !== undefined && hasProcess(target) ? [linkTo(text, target)] : [];
  });
  return links.length === 0 ? [] : context.endpoints.linkEnvironment(record.name, links);
}

function linkTo(text: string, target: ContainerRecord): Link {
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
}
