import { imageName } from "../images/index.ts";
import type { Port, Service, VolumeMount } from "../model/index.ts";
import { scaleOf } from "../plan/scale.ts";
import type { Project } from "../project/index.ts";

/** A service as a picture tells of it. */
export interface ServiceFacts {
  readonly name: string;
  readonly image: string;
  /** `8080→80`, `127.0.0.1:53→53/udp` */
  readonly ports: readonly string[];
  /** Names in the Compose file; `host` and the like where it has none of its own. */
  readonly networks: readonly string[];
  /** `data→/var/lib/data`, `./src→/app (read-only)` */
  readonly volumes: readonly string[];
  readonly scale: number;
  readonly dependencies: readonly DependencyFacts[];
}

export interface DependencyFacts {
  readonly service: string;
  readonly condition: "started" | "healthy" | "completed";
  readonly required: boolean;
}

const CONDITIONS = {
  service_started: "started",
  service_healthy: "healthy",
  service_completed_successfully: "completed",
} as const;

/** What a picture tells of the services that are enabled, by their names. */
export function factsOf(project: Project): ServiceFacts[] {
  const names = Object.keys(project.services).sort();
  return names.map((name) => {
    const service = project.services[name]!;
    return {
      name,
      image:
        service.build === undefined
          ? imageName(project.name, { ...service, name })
          : buildText(project, service),
      ports: (service.ports ?? []).map(portText),
      networks: service.network_mode ? [service.network_mode] : Object.keys(service.networks ?? {}).sort(),
      volumes: (service.volumes ?? []).map((volume) => volumeText(project, volume)),
      scale: scaleOf(service),
      dependencies: Object.entries(service.depends_on ?? {})
        .filter(([other]) => Object.hasOwn(project.services, other))
        .map(([other, { condition, required }]) => ({
          service: other,
          condition: CONDITIONS[condition],
          required,
        }))
        .sort((a, b) => (a.service < b.service ? -1 : 1)),
    };
  });
}

function buildText(project: Project, { build, image }: Service): string {
  const from = `built from ${relative(project, build?.context ?? ".")}`;
  return image ? `${image} (${from})` : from;
}

function portText({ host_ip, published, target, protocol }: Port): string {
  const inside = protocol === "udp" || protocol === "sctp" ? `${target}/${protocol}` : String(target);
  if (!published && !host_ip) return `→${inside}`;
  return `${[host_ip, published].filter(Boolean).join(":")}→${inside}`;
}

function volumeText(project: Project, { type, source, target, read_only }: VolumeMount): string {
  const what =
    type === "bind" ? relative(project, source ?? "") : type === "tmpfs" ? "memory" : source || "anonymous";
  return `${what}→${target}${read_only === true ? " (read-only)" : ""}`;
}

/** Paths below the project's folder are told from there. */
function relative({ directory }: Project, path: string): string {
  if (path === directory) return ".";
  return directory !== "" && path.startsWith(`${directory}/`) ? `.${path.slice(directory.length)}` : path;
}
