import { Router } from "../router.ts";
import { type ArchiveBackend, addArchiveRoutes } from "./archive.ts";
import { addBuildRoutes, type BuildBackend } from "./build.ts";
import { addContainerStreamRoutes, type ContainerStreamBackend } from "./container-streams.ts";
import { addContainerRoutes, type ContainerBackend } from "./containers.ts";
import { addEventRoutes, type EventBackend } from "./events.ts";
import { addExecRoutes, type ExecBackend } from "./exec.ts";
import { addImageVersionRoutes, type ImageVersionsBackend } from "./image-versions.ts";
import { addImageRoutes, type CommitBackend, type ImageBackend } from "./images.ts";
import { addNetworkRoutes, type NetworkBackend } from "./networks.ts";
import { addMissingRoutes } from "./not-yet.ts";
import { addOpenApiRoute } from "./openapi.ts";
import { addRegistryRoutes, type RegistryBackend } from "./registries.ts";
import { addSessionRoutes } from "./session.ts";
import { addSwarmRoutes } from "./swarm.ts";
import { addSystemRoutes, type SystemBackend } from "./system.ts";
import { addVolumeRoutes, addVolumeTransferRoutes, type VolumeBackend } from "./volumes.ts";

/** The engine behind the API: each part is what its routes declare. */
export interface Backends {
  readonly containers: ContainerBackend &
    ContainerStreamBackend &
    ArchiveBackend &
    ExecBackend &
    CommitBackend;
  readonly images: ImageBackend & RegistryBackend & ImageVersionsBackend;
  readonly builds: BuildBackend;
  readonly volumes: VolumeBackend;
  readonly networks: NetworkBackend;
  readonly events: EventBackend;
  readonly system: SystemBackend;
}

/** The whole table of routes. */
export function routesOf(backends: Backends): Router {
  const router = new Router();
  addSystemRoutes(router, backends.system);
  addContainerRoutes(router, backends.containers);
  addContainerStreamRoutes(router, backends.containers);
  addArchiveRoutes(router, backends.containers);
  addExecRoutes(router, backends.containers);
  addMissingRoutes(router);
  addImageRoutes(router, backends.images, backends.containers);
  addRegistryRoutes(router, backends.images);
  addImageVersionRoutes(router, backends.images);
  addBuildRoutes(router, backends.builds, backends.images);
  addSessionRoutes(router, backends.builds);
  addVolumeRoutes(router, backends.volumes);
  addVolumeTransferRoutes(router, backends.volumes);
  addNetworkRoutes(router, backends.networks);
  addEventRoutes(router, backends.events);
  addSwarmRoutes(router);
  addOpenApiRoute(router);
  return router;
}
