import { isAbsolute, resolve } from "node:path";
import { invalidParameter } from "../../lib/index.ts";
import type { NamedService } from "../application.ts";
import type { Port, VolumeMount } from "../model/index.ts";
import { readEnvFiles } from "../project/env/env-files.ts";
import type { Project } from "../project/index.ts";
import { MACHINE_FILES } from "../project/load/context.ts";
import { parsePorts } from "../project/short/ports.ts";
import { parseVolume } from "../project/short/volume.ts";

/** What `run` says instead of the service. */
export interface RunOverrides {
  readonly command?: readonly string[];
  /** Undefined: the service's; then a command of the service counts only where it was given here. */
  readonly entrypoint?: readonly string[] | undefined;
  readonly tty?: boolean;
  readonly interactive?: boolean;
  readonly user?: string;
  readonly workdir?: string;
  /** `NAME=value`, or `NAME`, whose value is that of the environment. */
  readonly env?: readonly string[];
  readonly envFiles?: readonly string[];
  /** `name=value` */
  readonly labels?: readonly string[];
  /** `[source:]target[:options]` */
  readonly volumes?: readonly string[];
  /** `[[address:]port:]port` */
  readonly publish?: readonly string[];
  /** The service's own ports; else none but those of `publish`. */
  readonly servicePorts?: boolean;
  readonly capAdd?: readonly string[];
  readonly capDrop?: readonly string[];
}

/**
 * The service as a container of `run` has it: once, never restarted, with what the command says.
 *
 * @param directory where relative paths of volumes begin.
 * @throws InvalidParameter for a port, volume or label that is none.
 */
export function overridden(
  project: Project,
  service: NamedService,
  options: RunOverrides,
  directory = process.cwd(),
): NamedService {
  if (options.servicePorts === true && (options.publish ?? []).length > 0)
    throw invalidParameter("--service-ports and --publish are incompatible");
  const { restart: _, container_name: _1, scale: _2, ...rest } = service;
  const changed: NamedService = {
    ...rest,
    scale: 1,
    tty: options.tty === true,
    stdin_open: options.interactive === true,
    ports: options.servicePorts === true ? (service.ports ?? []) : publishedPorts(options.publish ?? []),
    ...capabilities(service, options),
  };
  if (service.deploy) {
    const { restart_policy: _3, replicas: _4, ...deploy } = service.deploy;
    changed.deploy = deploy;
  }
  const command = options.command ?? [];
  if (command.length > 0) changed.command = [...command];
  if (options.entrypoint !== undefined) {
    changed.entrypoint = [...options.entrypoint];
    if (command.length === 0) changed.command = [];
  }
  if (options.user) changed.user = options.user;
  if (options.workdir) changed.working_dir = options.workdir;
  const environment = variables(project, options);
  if (environment.size > 0)
    changed.environment = { ...service.environment, ...Object.fromEntries(environment) };
  const labels = (options.labels ?? []).map(labelPair);
  if (labels.length > 0) changed.labels = { ...service.labels, ...Object.fromEntries(labels) };
  const volumes = (options.volumes ?? []).map((text) => volumeMount(text, directory));
  if (volumes.length > 0) changed.volumes = [...(service.volumes ?? []), ...volumes];
  return changed;
}

function publishedPorts(publish: readonly string[]): Port[] {
  return publish.flatMap((text) => {
    try {
      return parsePorts(text) as Port[];
    } catch (error) {
      throw invalidParameter((error as Error).message, error);
    }
  });
}

function volumeMount(text: string, directory: string): VolumeMount {
  let mount: VolumeMount;
  try {
    mount = parseVolume(text) as VolumeMount;
  } catch (error) {
    throw invalidParameter((error as Error).message, error);
  }
  const { type, source } = mount;
  if (type !== "bind" || source === undefined || isAbsolute(source)) return mount;
  const home = process.env["HOME"] ?? "";
  return {
    ...mount,
    source: resolve(
      directory,
      source.replace(/^~(?=\/|$)/, () => home),
    ),
  };
}

function labelPair(text: string): [string, string] {
  const at = text.indexOf("=");
  if (at < 0) throw invalidParameter("label must be set as KEY=VALUE");
  return [text.slice(0, at), text.slice(at + 1)];
}

/** What is added is no longer dropped, and the other way round. */
function capabilities(
  service: NamedService,
  { capAdd = [], capDrop = [] }: RunOverrides,
): Pick<NamedService, "cap_add" | "cap_drop"> {
  const added = [...(service.cap_add ?? []), ...capAdd].filter((one) => !capDrop.includes(one));
  const dropped = [...(service.cap_drop ?? []), ...capDrop].filter(
    (one) => capDrop.includes(one) || !capAdd.includes(one),
  );
  return {
    ...(added.length > 0 ? { cap_add: [...new Set(added)] } : { cap_add: undefined }),
    ...(dropped.length > 0 ? { cap_drop: [...new Set(dropped)] } : { cap_drop: undefined }),
  } as Pick<NamedService, "cap_add" | "cap_drop">;
}

/** Those of the files, then those of `-e`. A name without any value is left out. */
function variables(project: Project, { env = [], envFiles = [] }: RunOverrides): Map<string, string> {
  const given = new Map<string, string>();
  for (const pair of env) {
    const at = pair.indexOf("=");
    const value = at < 0 ? project.environment.get(pair) : pair.slice(at + 1);
    if (value !== undefined) given.set(at < 0 ? pair : pair.slice(0, at), value);
  }
  if (envFiles.length === 0) return given;
  const fromFiles = readEnvFiles(MACHINE_FILES, envFiles, given);
  return new Map([...fromFiles, ...given]);
}
