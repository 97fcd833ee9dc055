import { mkdirSync } from "node:fs";
import { watchFile } from "../../linux/index.ts";
import type { LogConfig } from "../../wire/index.ts";
import { attachTo } from "../attach.ts";
import type { ContainerRecord } from "../record.ts";
import type {
  AttachOptions,
  LogsOptions,
  LogsSession,
  Outputs,
  PreparedOutput,
  StreamsHost,
} from "../streams-contract.ts";
import { detailsPrefix } from "./attributes.ts";
import type { UnreadLimits } from "./brake.ts";
import { ContainerOutput } from "./container-output.ts";
import type { OpenDatagram } from "./drivers/datagram.ts";
import { checkSyslog } from "./drivers/syslog-options.ts";
import { Forwarding } from "./forwarding.ts";
import { holdMonitor, wakeMonitor } from "./hold-monitor.ts";
import { type LogSettings, logSettings } from "./settings.ts";

export interface OutputOptions {
  /** What the daemon's configuration says: `log-driver` and `log-opts`. */
  readonly log?: LogConfig;
  /** Where the machine can do that: journald and a local syslog are reached so. */
  readonly openDatagram?: OpenDatagram;
  /** When a container waits for the client in whose foreground it runs. */
  readonly unread?: UnreadLimits;
}

/** All containers' output: made when somebody first asks for it, forgotten with the container. */
export class ContainerOutputs implements Outputs {
  readonly #host: StreamsHost;
  readonly #defaults: LogConfig;
  readonly #forwarding: Forwarding;
  readonly #unread: UnreadLimits | undefined;
  readonly #outputs = new Map<string, ContainerOutput>();

  constructor(host: StreamsHost, options: OutputOptions) {
    this.#host = host;
    this.#defaults = options.log ?? {};
    this.#forwarding = new Forwarding(options.openDatagram);
    this.#unread = options.unread;
    logSettings(this.#withDefaults({}));
  }

  resolve(config: LogConfig | null | undefined): LogConfig {
    const resolved = this.#withDefaults(config ?? {});
    const { driver, options } = logSettings(resolved);
    if (driver === "syslog") checkSyslog(options);
    return resolved;
  }

  logPath(record: ContainerRecord): string {
    return this.#settings(record).driver === "json-file" ? this.#path(record) : "";
  }

  async prepare(record: ContainerRecord): Promise<PreparedOutput> {
    const output = this.#output(record);
    output.prepare();
    try {
      await this.#forwarding.begin(record, output);
    } catch (error) {
      output.ended();
      throw error;
    }
    return { driver: "k8s-file", logPath: output.chain.path };
  }

  started(record: ContainerRecord): void {
    this.#output(record).started();
  }

  failed(record: ContainerRecord): void {
    this.ended(record);
  }

  adopt(record: ContainerRecord): void {
    wakeMonitor(record);
    const output = this.#output(record);
    output.adopt();
    this.#forwarding.resume(record, output);
  }

  ending(record: ContainerRecord): void {
    this.#outputs.get(record.id)?.ending();
  }

  ended(record: ContainerRecord): void {
    this.#outputs.get(record.id)?.ended();
  }

  async delivered(record: ContainerRecord): Promise<void> {
    await this.#outputs.get(record.id)?.delivered();
  }

  remove(id: string): void {
    this.#forwarding.remove(id);
    this.#outputs.get(id)?.remove();
    this.#outputs.delete(id);
  }

  async logs(record: ContainerRecord, options: LogsOptions, signal: AbortSignal): Promise<LogsSession> {
    const output = this.#output(record);
    const details = options.details ? detailsPrefix(record, output.settings.options) : "";
    return { tty: record.config.Tty === true, output: await output.logs(options, details, signal) };
  }

  async attach(record: ContainerRecord, options: AttachOptions, signal: AbortSignal) {
    return attachTo(record, this.#output(record), options, this.#host, signal);
  }

  async close(): Promise<void> {
    await this.#forwarding.close();
    for (const output of this.#outputs.values()) output.close();
    this.#outputs.clear();
  }

  /** The daemon's options count for its own driver, and those of the cache for every driver (moby, `mergeAndVerifyLogConfig`). */
  #withDefaults(config: LogConfig): LogConfig {
    const defaultType = this.#defaults.Type || "json-file";
    const Type = config.Type || defaultType;
    const inherited = Object.entries(this.#defaults.Config ?? {}).filter(
      ([name]) => Type === defaultType || name.startsWith("cache-"),
    );
    return { Type, Config: { ...Object.fromEntries(inherited), ...config.Config } };
  }

  #settings(record: ContainerRecord): LogSettings {
    return logSettings(this.#withDefaults(record.host.LogConfig ?? {}));
  }

  #path(record: ContainerRecord): string {
    const directory = this.#host.containerDirectory(record.id);
    return `${directory}/${this.#settings(record).readable ? "output.log" : "attach.log"}`;
  }

  #output(record: ContainerRecord): ContainerOutput {
    const known = this.#outputs.get(record.id);
    if (known !== undefined) return known;
    mkdirSync(this.#host.containerDirectory(record.id), { recursive: true, mode: 0o700 });
    const output = new ContainerOutput(this.#path(record), this.#settings(record), {
      watchFile,
      reopen: () => this.#host.reopenLog(this.#host.bundle(record.id)),
      hold: () => holdMonitor(record),
      ...(this.#unread === undefined ? {} : { unread: this.#unread }),
    });
    this.#outputs.set(record.id, output);
    return output;
  }
}
