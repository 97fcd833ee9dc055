import { invalidParameter } from "../../lib/index.ts";
import type { Mount } from "../../wire/index.ts";
import type { Application, NamedService } from "../application.ts";
import type { FileMount } from "../model/index.ts";
import type { FileToCopy } from "./context.ts";

/** A service's secrets and configs: those that are bound, and those that are copied. */
export interface ServiceFiles {
  readonly binds: readonly Mount[];
  readonly files: readonly FileToCopy[];
}

/** A secret or config of the project, in what both have. */
interface FileObject {
  readonly name?: string;
  readonly file?: string;
  readonly environment?: string;
  readonly content?: string;
  readonly external?: boolean;
  readonly driver?: string;
  readonly template_driver?: string;
  readonly labels?: object;
}

type Kind = "secret" | "config";

/** Where a file goes that says no absolute path. */
const FOLDERS: Readonly<Record<Kind, string>> = { secret: "/run/secrets/", config: "/" };

/** Everybody in the container may read it, unless it says otherwise. */
const DEFAULT_MODE = 0o444;

/**
 * A file of this machine is bound read-only, so that what is written to it later is seen. It is copied where a bind would not
 * do: on another machine's engine, and for an owner or mode of its own. What has no file (a variable, a text) is copied.
 *
 * @throws InvalidParameter for what nobody but a swarm can do, or a target that is no place in the container.
 */
export function serviceFiles(
  app: Application,
  service: NamedService,
  warn: (message: string) => void,
): ServiceFiles {
  const taken = new Set(service.volumes?.map(({ target }) => target));
  const binds: Mount[] = [];
  const files: FileToCopy[] = [];
  for (const kind of ["secret", "config"] as const) {
    for (const mount of (kind === "secret" ? service.secrets : service.configs) ?? []) {
      const object: FileObject = app.project[`${kind}s`][mount.source] ?? {};
      const what = `${kind} "${object.name ?? mount.source}"`;
      refuseSwarms(object, kind, service);
      if (object.labels !== undefined) {
        warn(`${kind}s.${mount.source}.labels has no effect: a ${kind} is a file of its containers`);
      }
      const target = targetOf(kind, mount, what);
      // A volume at the same place wins, and of two files the first.
      if (taken.has(target)) continue;
      taken.add(target);
      if (isBound(app, mount, object)) binds.push(bindOf(object.file!, target));
      else files.push(fileToCopy(app, service, mount, object, what, target));
    }
  }
  return { binds, files };
}

/** Whether the engine can see the files of this machine. */
const isLocal = ({ engine }: Application): boolean => engine.endpoint.kind === "unix";

const isBound = (app: Application, { uid, gid, mode }: FileMount, { file }: FileObject): boolean =>
  file !== undefined && isLocal(app) && !uid && !gid && mode === undefined;

const bindOf = (source: string, target: string): Mount => ({
  Type: "bind",
  Source: source,
  Target: target,
  ReadOnly: true,
});

function fileToCopy(
  app: Application,
  service: NamedService,
  { uid, gid, mode }: FileMount,
  { file, environment, content }: FileObject,
  what: string,
  target: string,
): FileToCopy {
  const text = content ?? (environment === undefined ? undefined : app.project.environment.get(environment));
  if (file === undefined && text === undefined) {
    throw invalidParameter(`environment variable "${environment}" required by ${what} is not set`);
  }
  return {
    what,
    target,
    content: file === undefined ? { text: text! } : { path: file },
    uid: idOf(uid, "uid", what),
    gid: idOf(gid, "gid", what),
    ...(mode !== undefined || file === undefined ? { mode: mode ?? DEFAULT_MODE } : {}),
    by: wayTo(service, target),
  };
}

/** How a copied file gets to its place. */
export const wayTo = (service: NamedService, target: string): FileToCopy["by"] =>
  isHidden(service, target) ? "volume" : "archive";

/**
 * Whether a file in the container's own layer would not be seen at the target, or may not be written there: the root is
 * read-only, or a tmpfs or a read-only mount lies over the place.
 */
function isHidden(service: NamedService, target: string): boolean {
  const isBelow = (folder: string) => target.startsWith(folder.endsWith("/") ? folder : `${folder}/`);
  if (service.tmpfs?.some((tmpfs) => isBelow(tmpfs.split(":", 1)[0]!))) return true;
  const around = (service.volumes ?? []).filter((volume) => isBelow(volume.target));
  const innermost = around.sort((a, b) => b.target.length - a.target.length)[0];
  if (innermost === undefined) return service.read_only === true;
  return innermost.type === "tmpfs" || innermost.type === "image" || innermost.read_only === true;
}

function refuseSwarms(object: FileObject, kind: Kind, service: NamedService): void {
  if (object.external === true) throw invalidParameter(`unsupported external ${kind} ${object.name}`);
  for (const attribute of ["driver", "template_driver"] as const) {
    if (!object[attribute]) continue;
    throw invalidParameter(`services.${service.name}.${kind}s: ${kind}s.*.${attribute} is not supported`);
  }
}

function targetOf(kind: Kind, { source, target }: FileMount, what: string): string {
  const path = target || source;
  const absolute = path.startsWith("/") ? path : FOLDERS[kind] + path;
  const parts = absolute.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.length === 0 || parts.includes("..") || absolute.includes("\0")) {
    throw invalidParameter(`${what}: invalid target "${target}": it must name a file, without ".."`);
  }
  return `/${parts.join("/")}`;
}

const LARGEST_ID = 2 ** 32 - 2;

function idOf(text: string | undefined, attribute: "uid" | "gid", what: string): number {
  if (!text) return 0;
  const id = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (!(id <= LARGEST_ID)) throw invalidParameter(`${what}: ${attribute} must be a number, not "${text}"`);
  return id;
}
