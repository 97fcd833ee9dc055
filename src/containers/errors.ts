import { conflict, type EngineError } from "../lib/index.ts";
import type { ContainerRecord } from "./record.ts";

export function notRunning(record: ContainerRecord): EngineError {
  return conflict(`container ${record.id} is not running`);
}

export function isRestarting(record: ContainerRecord): EngineError {
  return conflict(`Container ${record.id} is restarting, wait until the container is running`);
}

export function markedForRemoval(): EngineError {
  return conflict("container is marked for removal and cannot be started");
}
