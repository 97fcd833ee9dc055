export type { CreateContext, CreatedRequest, FileToCopy, NamedContainer, OneOff } from "./context.ts";
export { createContainer, refreshFiles } from "./create-container.ts";
export { createRequest } from "./create-request.ts";
export { removeFilesVolumes } from "./files-volume.ts";
export { COMPOSE_VERSION } from "./labels.ts";
export { type ContainersOf, type ImageIdOf, resolveService } from "./resolve-service.ts";
