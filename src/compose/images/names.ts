import type { NamedService } from "../application.ts";
import type { Project } from "../project/index.ts";

/** The image that a service's containers are made of: the one it names, or `shop-web` for one that is built here. */
export function imageName(project: string, service: Pick<NamedService, "name" | "image">): string {
  return service.image || `${project}-${service.name}`;
}

/** Images that a service needs beside its own: those of its `pre_start` hooks and of its volumes that are images. */
export function furtherImages(project: Project, service: NamedService): string[] {
  const own = imageName(project.name, service);
  // Another service's name stands for its image.
  const isService = (name: string) =>
    Object.hasOwn(project.services, name) || Object.hasOwn(project.disabled, name);
  const hooks = (service.pre_start ?? []).flatMap(({ image }) => (image ? [image] : []));
  const volumes = (service.volumes ?? []).flatMap(({ type, source }) =>
    type === "image" && source && !isService(source) ? [source] : [],
  );
  return [...new Set([...hooks, ...volumes])].filter((image) => image !== own);
}
