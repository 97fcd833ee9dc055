import type { LogConfig } from "../wire/index.ts";
import { ContainerExecs } from "./exec.ts";
import { ContainerHealth } from "./health.ts";
import { ContainerOutputs } from "./output/outputs.ts";
import type { Streams, StreamsHost } from "./streams-contract.ts";

export interface StreamsOptions {
  /** The daemon's `log-driver` and `log-opts`. */
  readonly defaultLog?: LogConfig;
}

/** @throws InvalidParameter where the daemon's log options are none */
export function createStreams(host: StreamsHost, options: StreamsOptions = {}): Streams {
  return {
    outputs: new ContainerOutputs(host, { log: options.defaultLog }),
    execs: new ContainerExecs(host),
    health: new ContainerHealth(host),
  };
}
