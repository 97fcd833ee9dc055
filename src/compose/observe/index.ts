export {
  canonicalName,
  checkServices,
  isOneOff,
  type ListOptions,
  projectContainers,
  serviceContainer,
  serviceOf,
  shortName,
} from "./containers.ts";
export { type ProjectEvent, type ProjectEventsOptions, projectEvents } from "./events.ts";
export { type ContainerImage, images } from "./images.ts";
export { type LifeEvent, watchProject } from "./monitor.ts";
export { publishedPort } from "./ports.ts";
export { type ContainerProcesses, processes } from "./processes.ts";
export { listProjects, type ProjectEntry } from "./projects.ts";
export { type ContainerEntry, entryOf, type Publisher, ps } from "./ps.ts";
export { volumes } from "./volumes.ts";
