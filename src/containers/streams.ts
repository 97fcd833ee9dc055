import type { LogConfig } from "../wire/index.ts";
import { ContainerExecs } from "./exec.ts";
import { ContainerHealth } from "./health.ts";
import type { UnreadLimits } from "./output/brake.ts";
import type { OpenDatagram } from "./output/drivers/datagram.ts";
import { ContainerOutputs } from "./output/outputs.ts";
import type { Streams, StreamsHost } from "./streams-contract.ts";

export interface StreamsOptions {
  /** The daemon's `log-driver` and `log-opts`. */
  readonly defaultLog?: LogConfig;
  /** Opens a Unix datagram socket: how journald and a local syslog are reached. Without it both are refused at start. */
  readonly openDatagram?: OpenDatagram;
  readonly unread?: UnreadLimits;
}

/** @throws InvalidParameter where the daemon's log options are none */
export function createStreams(host: StreamsHost, options: StreamsOptions = {}): Streams {
  return {
    outputs: new ContainerOutputs(host, {
      log: options.defaultLog,
      openDatagram: options.openDatagram,
      unread: options.unread,
    }),
    execs: new ContainerExecs(host),
    health: new ContainerHealth(host),
  };
}
