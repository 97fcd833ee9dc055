import { invalidParameter } from "../../lib/index.ts";
import type { NamedService } from "../application.ts";
import type { Service } from "../model/index.ts";

/** How many containers a service is to have. */
export function scaleOf({ scale, deploy }: Service): number {
  return scale ?? deploy?.replicas ?? 1;
}

/** @throws InvalidParameter in Docker Compose's words for several containers with one name. */
export function checkedScale(service: NamedService): number {
  const scale = scaleOf(service);
  if (scale > 1 && service.container_name) {
    throw invalidParameter(
      `WARNING: The "${service.name}" service is using the custom container name "${service.container_name}". ` +
        "Docker requires each container to have a unique name. Remove the custom name to scale the service",
    );
  }
  return scale;
}
