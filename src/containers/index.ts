/** The door of the room in which containers live. */
export {
  type ContainerDefaults,
  Containers,
  type ContainersOptions,
  openContainers,
} from "./containers.ts";
export { FAULT_POINTS } from "./fault-points.ts";
export { type LinuxMachineOptions, linuxMachine } from "./linux-machine.ts";
export type { ExitWatch, Machine } from "./machine.ts";
export { logSettings } from "./output/settings.ts";
export type * from "./ports.ts";
export type { ContainerMount, ContainerRecord, ContainerStateRecord } from "./record.ts";
export type * from "./requests.ts";
export type {
  AttachOptions,
  CreateStreams,
  ExecStartOptions,
  LogsOptions,
  LogsSession,
  Streams,
  StreamsHost,
} from "./streams-contract.ts";
