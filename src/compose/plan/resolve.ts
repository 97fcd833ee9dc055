import type { NamedService } from "../application.ts";
import { type ImageIdOf, type NamedContainer, resolveService } from "../create/index.ts";

/** The service with its references resolved; as it stands where what it refers to is not there, which differs from whatever was made. */
export function resolveIfThere(
  containersOf: (service: string) => readonly NamedContainer[],
  imageIdOf?: ImageIdOf,
): (service: NamedService) => NamedService {
  return (service) => {
    try {
      return resolveService(service, containersOf, imageIdOf);
    } catch {
      return service;
    }
  };
}
