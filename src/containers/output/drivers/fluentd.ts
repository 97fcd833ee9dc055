import { decodeMulti, ExtData, encode } from "@msgpack/msgpack";
import { newId, STDERR } from "../../../lib/index.ts";
import type { Instant } from "../record-time.ts";
import { Connection } from "./connection.ts";
import type { FluentdOptions } from "./fluentd-options.ts";
import type { LogLine, Sink } from "./sink.ts";

/** How long a server may take to confirm. */
const ACK_TIMEOUT = 60_000;
/** Type of the extension EventTime (Forward Protocol Specification v1). */
const EVENT_TIME = 0;
const LONGEST_WAIT = 60_000;

export interface FluentdSource {
  readonly tag: string;
  readonly containerId: string;
  readonly containerName: string;
  readonly extra: ReadonlyMap<string, string>;
}

/** Sends lines to fluentd or Fluent Bit: messages `[tag, time, record, option]` of the forward protocol in msgpack. */
export class FluentdSink implements Sink {
  readonly #options: FluentdOptions;
  readonly #source: FluentdSource;
  #connection: Connection | undefined;

  constructor(options: FluentdOptions, source: FluentdSource) {
    this.#options = options;
    this.#source = source;
  }

  get optional(): boolean {
    return this.#options.async;
  }

  get retry() {
    const { retryWait, maxRetries } = this.#options;
    return { first: retryWait, longest: LONGEST_WAIT, attempts: maxRetries };
  }

  async connect(): Promise<void> {
    if (this.#connection !== undefined && !this.#connection.isBroken) return;
    this.close();
    this.#connection = await Connection.open(this.#options.address);
  }

  async send(lines: readonly LogLine[]): Promise<void> {
    await this.connect();
    const connection = this.#connection!;
    const unconfirmed = new Set<string>();
    const messages = lines.map((line) => encode(this.#message(line, unconfirmed)));
    await connection.write(Buffer.concat(messages), this.#options.writeTimeout);
    await confirm(connection, unconfirmed);
  }

  close(): void {
    this.#connection?.close();
    this.#connection = undefined;
  }

  abort(): void {
    this.#connection?.destroy();
    this.#connection = undefined;
  }

  #message(line: LogLine, unconfirmed: Set<string>): unknown[] {
    const { requestAck, subSecond } = this.#options;
    const time = subSecond ? eventTime(line.time) : line.time.seconds;
    const message = [this.#source.tag, time, this.#record(line)];
    if (!requestAck) return [...message, {}];
    const chunk = newId();
    unconfirmed.add(chunk);
    return [...message, { chunk }];
  }

  #record({ stream, text, partial }: LogLine): Record<string, string> {
    const { containerId, containerName, extra } = this.#source;
    return {
      container_id: containerId,
      container_name: containerName,
      source: stream === STDERR ? "stderr" : "stdout",
      log: Buffer.from(text).toString(),
      ...Object.fromEntries(extra),
      ...(partial && {
        partial_message: "true",
        partial_id: partial.id,
        partial_ordinal: String(partial.ordinal),
        partial_last: String(partial.last),
      }),
    };
  }
}

/** Waits until the server has named all chunks. */
async function confirm(connection: Connection, unconfirmed: Set<string>): Promise<void> {
  let received: Uint8Array = new Uint8Array(0);
  while (unconfirmed.size > 0) {
    received = Buffer.concat([received, await connection.read(ACK_TIMEOUT)]);
    try {
      for (const answer of decodeMulti(received)) {
        unconfirmed.delete(String((answer as { ack?: unknown } | null)?.ack));
      }
      received = new Uint8Array(0);
    } catch (error) {
      // The last answer may not be complete yet; a server that never ends one is none.
      if (received.length > 1 << 20) throw error;
    }
  }
}

function eventTime({ seconds, nanoseconds }: Instant): ExtData {
  const data = Buffer.alloc(8);
  data.writeUInt32BE(seconds >>> 0, 0);
  data.writeUInt32BE(nanoseconds, 4);
  return new ExtData(EVENT_TIME, data);
}
