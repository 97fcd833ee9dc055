import { dirname } from "node:path";
import { messageOf, systemError } from "../../lib/index.ts";
import type { ContainerRecord } from "../record.ts";
import { extraAttributes, logTag } from "./attributes.ts";
import type { ContainerOutput } from "./container-output.ts";
import type { OpenDatagram } from "./drivers/datagram.ts";
import { FluentdSink } from "./drivers/fluentd.ts";
import { fluentdOptions } from "./drivers/fluentd-options.ts";
import { JournaldSink } from "./drivers/journald.ts";
import type { Sink } from "./drivers/sink.ts";
import { SyslogSink } from "./drivers/syslog.ts";
import { syslogOptions } from "./drivers/syslog-options.ts";
import { Forwarder } from "./forwarder.ts";

const DEFAULT_TAG = "{{.ID}}";

/** The containers whose log driver sends their output somewhere. */
export class Forwarding {
  readonly #openDatagram: OpenDatagram | undefined;
  readonly #forwarders = new Map<string, Forwarder>();

  constructor(openDatagram: OpenDatagram | undefined) {
    this.#openDatagram = openDatagram;
  }

  /** Before a container starts. @throws System `failed to initialize logging driver: …` */
  async begin(record: ContainerRecord, output: ContainerOutput): Promise<void> {
    try {
      await this.#forwarder(record, output)?.begin();
    } catch (error) {
      throw systemError(`failed to initialize logging driver: ${messageOf(error)}`, error);
    }
  }

  /** For a container that runs already. */
  resume(record: ContainerRecord, output: ContainerOutput): void {
    const forwarder = this.#forwarder(record, output);
    if (forwarder?.isRunning === false) forwarder.resume();
  }

  remove(id: string): void {
    void this.#forwarders.get(id)?.stop();
    this.#forwarders.delete(id);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#forwarders.values()].map((forwarder) => forwarder.stop()));
    this.#forwarders.clear();
  }

  /** The one that still sends the last run's output, or a new one, since a container's name may have changed. */
  #forwarder(record: ContainerRecord, output: ContainerOutput): Forwarder | undefined {
    const known = this.#forwarders.get(record.id);
    if (known?.isRunning) return known;
    const sink = this.#sink(record, output);
    if (sink === undefined) return undefined;
    const path = `${dirname(output.chain.path)}/forwarded.json`;
    const forwarder = new Forwarder(output.chain, sink, path);
    this.#forwarders.set(record.id, forwarder);
    return forwarder;
  }

  #sink(record: ContainerRecord, { settings: { driver, options } }: ContainerOutput): Sink | undefined {
    if (driver === "json-file" || driver === "local" || driver === "none") return undefined;
    const tag = logTag(record, options, DEFAULT_TAG);
    const extra = extraAttributes(record, options);
    const { id: containerId, name } = record;
    if (driver === "syslog") return new SyslogSink(syslogOptions(options), tag, this.#openDatagram);
    if (driver === "fluentd") {
      return new FluentdSink(fluentdOptions(options), { tag, containerId, containerName: `/${name}`, extra });
    }
    const source = { containerId, containerName: name, imageName: record.imageReference, tag, extra };
    return new JournaldSink(source, this.#openDatagram);
  }
}
