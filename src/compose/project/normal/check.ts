import type { Service } from "../../model/index.ts";
import type { Problem } from "../problem.ts";
import { type Project, placeOf } from "../project.ts";
import { isAddress } from "../short/address.ts";
import { findCycle } from "./cycles.ts";

/** What one service says against itself or against the rest of its project. */
type Check = (service: Service, name: string, project: Project, note: Note) => void;
/** @param path below the service. */
type Note = (path: readonly (string | number)[], message: string) => void;

/** Everything in the enabled services that cannot be as it is written. */
export function checkProject(project: Project): Problem[] {
  const problems: Problem[] = [];
  for (const [name, service] of Object.entries(project.services)) {
    const note: Note = (path, message) =>
      problems.push({ path: "", message, at: placeOf(project.tree, ["services", name, ...path]) });
    for (const check of CHECKS) check(service, name, project, note);
  }
  const cycle = findCycle(project.services);
  if (cycle !== undefined) {
    const at = placeOf(project.tree, ["services", cycle[0]!, "depends_on"]);
    problems.push({ path: "", message: `dependency cycle detected: ${cycle.join(" -> ")}`, at });
  }
  return problems;
}

const CHECKS: readonly Check[] = [
  checkImage,
  checkNetworks,
  checkDependencies,
  checkReferences,
  checkHealth,
  checkScale,
  checkLimits,
  checkMounts,
  checkPorts,
  checkDevices,
  checkWatch,
];

function checkImage(service: Service, name: string, project: Project, note: Note): void {
  const { build } = service;
  if (build === undefined) {
    if (!service.image && service.provider === undefined) {
      note([], `service "${name}" has neither an image nor a build context specified`);
    }
    return;
  }
  if (build.dockerfile_inline && build.dockerfile) {
    note(["build"], `service "${name}" declares mutually exclusive dockerfile and dockerfile_inline`);
  }
  for (const [context, path] of Object.entries(build.additional_contexts ?? {})) {
    if (!path.startsWith("service:")) continue;
    const target = path.slice("service:".length);
    const other = project.services[target] ?? project.disabled[target];
    const what = other === undefined ? "unknown" : other.build === undefined ? "non-buildable" : undefined;
    if (what !== undefined) {
      const message = `service "${name}" declares ${what} service "${target}" as additional contexts ${context}`;
      note(["build", "additional_contexts", context], message);
    }
  }
  const { platforms = [] } = build;
  if (platforms.length > 0 && service.platform && !platforms.includes(service.platform)) {
    note(
      ["build", "platforms"],
      `service.build.platforms MUST include service.platform "${service.platform}"`,
    );
  }
}

function checkNetworks(service: Service, name: string, project: Project, note: Note): void {
  const networks = Object.keys(service.networks ?? {});
  if (service.network_mode && networks.length > 0) {
    note(["network_mode"], `service ${name} declares mutually exclusive \`network_mode\` and \`networks\``);
  }
  for (const network of networks) {
    if (!Object.hasOwn(project.networks, network)) {
      note(["networks", network], `service "${name}" refers to undefined network ${network}`);
    }
  }
}

function checkDependencies(service: Service, name: string, project: Project, note: Note): void {
  for (const [other, { required }] of Object.entries(service.depends_on ?? {})) {
    if (Object.hasOwn(project.services, other)) continue;
    const disabled = Object.hasOwn(project.disabled, other);
    if (disabled && !required) continue;
    const hint = disabled
      ? `: no profile of it is enabled (${project.disabled[other]!.profiles?.join(", ")})`
      : "";
    note(["depends_on", other], `service "${name}" depends on undefined service "${other}"${hint}`);
  }
}

function checkReferences(service: Service, name: string, project: Project, note: Note): void {
  const refer = (
    what: string,
    key: string | undefined,
    table: object,
    path: readonly (string | number)[],
  ) => {
    if (key !== undefined && !Object.hasOwn(table, key)) {
      note(path, `service "${name}" refers to undefined ${what} ${key}`);
    }
  };
  for (const [index, { type, source }] of (service.volumes ?? []).entries()) {
    if (type === "volume" && source) refer("volume", source, project.volumes, ["volumes", index]);
  }
  for (const [index, { source }] of (service.build?.secrets ?? []).entries()) {
    refer("build secret", source, project.secrets, ["build", "secrets", index]);
  }
  for (const [index, { source }] of (service.configs ?? []).entries()) {
    refer("config", source, project.configs, ["configs", index]);
  }
  for (const [index, { source }] of (service.secrets ?? []).entries()) {
    refer("secret", source, project.secrets, ["secrets", index]);
  }
  for (const model of Object.keys(service.models ?? {}))
    refer("model", model, project.models, ["models", model]);
}

function checkHealth(service: Service, _: string, __: Project, note: Note): void {
  const [first] = service.healthcheck?.test ?? [];
  if (first !== undefined && !["CMD", "CMD-SHELL", "NONE"].includes(first)) {
    note(["healthcheck", "test"], `healthcheck.test must start either by "CMD", "CMD-SHELL" or "NONE"`);
  }
}

function checkScale(service: Service, name: string, _: Project, note: Note): void {
  const { scale, deploy } = service;
  const replicas = deploy?.replicas;
  if (scale !== undefined && replicas !== undefined && scale !== replicas) {
    note(["scale"], `services.${name}: can't set distinct values on 'scale' and 'deploy.replicas'`);
  }
  if (scale !== undefined && scale < 0) {
    note(["scale"], `services.${name}.scale: must be greater than or equal to 0`);
  }
  if (replicas !== undefined && replicas < 0) {
    note(["deploy", "replicas"], `services.${name}.deploy.replicas: must be greater than or equal to 0`);
  }
  if (service.container_name && (scale ?? replicas ?? 1) > 1) {
    const attribute = scale === undefined ? "deploy.replicas" : "scale";
    const message = `services.${name}: can't set container_name and ${attribute} as container name must be unique`;
    note(["container_name"], message);
  }
}

function checkLimits(service: Service, name: string, _: Project, note: Note): void {
  const { limits, reservations } = service.deploy?.resources ?? {};
  const compare = (
    attribute: keyof Service & string,
    other: string,
    there: object | undefined,
    value?: number,
  ) => {
    if (service[attribute] && there !== undefined && (value ?? 0) !== service[attribute]) {
      const message = `services.${name}: can't set distinct values on '${attribute}' and 'deploy.resources.${other}'`;
      note([attribute], message);
    }
  };
  compare("cpus", "limits.cpus", limits, limits?.cpus);
  compare("mem_limit", "limits.memory", limits, limits?.memory);
  compare("mem_reservation", "reservations.memory", reservations, reservations?.memory);
  compare("pids_limit", "limits.pids", limits, limits?.pids);
}

function checkMounts(service: Service, name: string, _: Project, note: Note): void {
  const mounted = new Map<string, string>();
  const mount = (target: string, attribute: string, index: number) => {
    const here = `services.${name}.${attribute}[${index}]`;
    const before = mounted.get(target);
    if (before !== undefined)
      note([attribute, index], `${here}: target ${target} already mounted as ${before}`);
    mounted.set(target, here);
  };
  for (const [index, tmpfs] of (service.tmpfs ?? []).entries())
    mount(tmpfs.split(":", 1)[0]!, "tmpfs", index);
  for (const [index, { target, type, source }] of (service.volumes ?? []).entries()) {
    mount(target, "volumes", index);
    if (type === "bind" && !source) {
      note(["volumes", index], `invalid mount config for type "bind": field Source must not be empty`);
    }
  }
}

function checkPorts(service: Service, name: string, _: Project, note: Note): void {
  for (const [index, { host_ip }] of (service.ports ?? []).entries()) {
    if (host_ip !== undefined && !isAddress(host_ip)) {
      note(["ports", index], `services.${name}.ports[${index}]: invalid ip address: ${host_ip}`);
    }
  }
}

function checkDevices(service: Service, name: string, _: Project, note: Note): void {
  const requests = [
    ...(service.gpus ?? []).map((one) => ["gpus", one] as const),
    ...(service.deploy?.resources?.reservations?.devices ?? []).map((one) => ["deploy", one] as const),
  ];
  for (const [attribute, { count, device_ids }] of requests) {
    if (count !== undefined && device_ids !== undefined) {
      note([attribute], `services.${name}.${attribute}: "count" and "device_ids" attributes are exclusive`);
    }
  }
}

function checkWatch(service: Service, name: string, _: Project, note: Note): void {
  for (const [index, watch] of (service.develop?.watch ?? []).entries()) {
    const path = ["develop", "watch", index];
    if (watch.path === "") note(path, `services.${name}.develop.watch[${index}].path: value can't be blank`);
    if (!watch.target && watch.action !== "rebuild" && watch.action !== "restart") {
      note(path, `services.${name}.develop.watch: target is required for non-rebuild actions`);
    }
  }
}
