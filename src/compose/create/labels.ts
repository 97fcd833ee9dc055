import type { NamedService } from "../application.ts";
import { containerName, LABEL } from "../labels.ts";
import type { CreateContext } from "./context.ts";

/** The Docker Compose whose behaviour this is, as its own containers name it. */
export const COMPOSE_VERSION = "5.4.0";

/** The service's labels, with those by which Compose finds its containers again. */
export function containerLabels(context: CreateContext): Record<string, string> {
  const { app, service, number, imageId, hash, previous, oneOff, labels } = context;
  const { project } = app;
  return {
    ...service.labels,
    [LABEL.project]: project.name,
    [LABEL.service]: service.name,
    [LABEL.version]: COMPOSE_VERSION,
    [LABEL.workingDirectory]: project.directory,
    [LABEL.configFiles]: project.files.join(","),
    [LABEL.oneoff]: oneOff === undefined ? "False" : "True",
    [LABEL.configHash]: hash,
    [LABEL.dependsOn]: dependencyLabel(service),
    ...(project.envFiles.length > 0 ? { [LABEL.environmentFile]: project.envFiles.join(",") } : {}),
    ...(number > 0 ? { [LABEL.containerNumber]: String(number) } : {}),
    ...(imageId === undefined ? {} : { [LABEL.image]: imageId }),
    ...(oneOff === undefined ? {} : { [LABEL.slug]: oneOff.slug }),
    ...(previous === undefined ? {} : { [LABEL.replace]: replacedName(service, number) }),
    ...labels,
  };
}

/** `db:service_healthy:true`: service, condition, and whether it restarts with it. */
function dependencyLabel(service: NamedService): string {
  return Object.entries(service.depends_on ?? {})
    .map(([name, { condition, restart = false }]) => `${name}:${condition}:${restart}`)
    .join(",");
}

const replacedName = (service: NamedService, number: number): string =>
  service.container_name || `${service.name}-${number}`;

/** What others on its networks call the container first. */
export function nameOnNetworks({ app, service, number, name, oneOff }: CreateContext): string {
  return oneOff === undefined ? containerName(app.project.name, service, number) : name;
}
