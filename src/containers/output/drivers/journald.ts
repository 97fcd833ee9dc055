import { existsSync } from "node:fs";
import { newId, STDERR } from "../../../lib/index.ts";
import type { DatagramSocket, OpenDatagram } from "./datagram.ts";
import type { LogLine, Sink } from "./sink.ts";

export const JOURNAL_SOCKET = "/run/systemd/journal/socket";

const ERROR = 3;
const INFORMATIONAL = 6;

export interface JournalSource {
  readonly containerId: string;
  readonly containerName: string;
  readonly imageName: string;
  readonly tag: string;
  readonly extra: ReadonlyMap<string, string>;
}

/**
 * Sends lines to systemd's journal by its native protocol (systemd.io, JOURNAL_NATIVE_PROTOCOL), with the fields that Docker's
 * driver sets.
 */
export class JournaldSink implements Sink {
  readonly retry = { first: 100, longest: 10_000, attempts: Number.POSITIVE_INFINITY };
  readonly #open: OpenDatagram | undefined;
  readonly #path: string;
  readonly #fields: Buffer;
  #socket: DatagramSocket | undefined;
  #ordinal = 0;

  constructor(source: JournalSource, open: OpenDatagram | undefined, path = JOURNAL_SOCKET) {
    this.#open = open;
    this.#path = path;
    this.#fields = Buffer.concat(commonFields(source).map(([name, value]) => field(name, value)));
  }

  async connect(): Promise<void> {
    if (this.#open === undefined || !existsSync(this.#path)) {
      throw new Error("journald is not enabled on this host");
    }
    this.#socket ??= this.#open(this.#path);
  }

  async send(lines: readonly LogLine[]): Promise<void> {
    await this.connect();
    try {
      for (const line of lines) await this.#socket!.send(this.#entry(line));
    } catch (error) {
      this.close();
      throw error;
    }
  }

  close(): void {
    this.#socket?.close();
    this.#socket = undefined;
  }

  abort(): void {
    this.close();
  }

  #entry({ stream, time, text, partial }: LogLine): Buffer {
    const fraction = String(time.nanoseconds).padStart(9, "0").replace(/0+$/, "");
    const second = new Date(time.seconds * 1000).toISOString().slice(0, 19);
    return Buffer.concat([
      field("MESSAGE", text),
      field("PRIORITY", String(stream === STDERR ? ERROR : INFORMATIONAL)),
      field("SYSLOG_TIMESTAMP", `${second}${fraction === "" ? "" : `.${fraction}`}Z`),
      field("CONTAINER_LOG_ORDINAL", String(++this.#ordinal)),
      this.#fields,
      ...(partial === undefined
        ? []
        : [
            field("CONTAINER_PARTIAL_ID", partial.id),
            field("CONTAINER_PARTIAL_ORDINAL", String(partial.ordinal)),
            field("CONTAINER_PARTIAL_LAST", String(partial.last)),
            ...(partial.last ? [] : [field("CONTAINER_PARTIAL_MESSAGE", "true")]),
          ]),
    ]);
  }
}

function commonFields(source: JournalSource): [string, string][] {
  const extra = [...source.extra].map(([name, value]): [string, string] => [journalName(name), value]);
  return [
    ["CONTAINER_ID", source.containerId.slice(0, 12)],
    ["CONTAINER_ID_FULL", source.containerId],
    ["CONTAINER_NAME", source.containerName],
    ["CONTAINER_TAG", source.tag],
    ["IMAGE_NAME", source.imageName],
    ["SYSLOG_IDENTIFIER", source.tag],
    ["CONTAINER_LOG_EPOCH", newId()],
    ...extra.filter(([name]) => name !== ""),
  ];
}

/** Upper-case letters, digits and underscores, with none of these in front (moby, `sanitizeKeyMod`). */
export function journalName(name: string): string {
  return name
    .toUpperCase()
    .replace(/[^A-Z0-9]/g, "_")
    .replace(/^_+/, "");
}

/** `NAME=value`, or name, length and value where the value holds a newline. */
function field(name: string, value: string | Uint8Array): Buffer {
  const bytes = Buffer.from(value as Uint8Array);
  if (!bytes.includes(0x0a)) return Buffer.concat([Buffer.from(`${name}=`), bytes, Buffer.from("\n")]);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(bytes.length));
  return Buffer.concat([Buffer.from(`${name}\n`), length, bytes, Buffer.from("\n")]);
}
