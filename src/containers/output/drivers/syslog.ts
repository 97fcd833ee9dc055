import { existsSync } from "node:fs";
import { hostname } from "node:os";
import { STDERR } from "../../../lib/index.ts";
import { Connection } from "./connection.ts";
import { type DatagramSocket, type OpenDatagram, openUdp } from "./datagram.ts";
import type { LogLine, Sink } from "./sink.ts";
import type { SyslogAddress, SyslogFormat, SyslogOptions } from "./syslog-options.ts";

/** Severities of RFC 5424, section 6.2.1. */
const ERROR = 3;
const INFORMATIONAL = 6;

const LOCAL_SOCKETS = ["/dev/log", "/var/run/syslog", "/var/run/log"];

/** Sends lines to a syslog server, in the formats that Docker's driver writes (moby, `daemon/logger/syslog`). */
export class SyslogSink implements Sink {
  readonly retry = { first: 100, longest: 10_000, attempts: Number.POSITIVE_INFINITY };
  readonly #options: SyslogOptions;
  readonly #format: SyslogFormatter;
  readonly #openDatagram: OpenDatagram | undefined;
  #transport: Transport | undefined;

  constructor(options: SyslogOptions, tag: string, openDatagram: OpenDatagram | undefined) {
    this.#options = options;
    this.#format = new SyslogFormatter(options, tag);
    this.#openDatagram = openDatagram;
  }

  async connect(): Promise<void> {
    if (this.#transport !== undefined && !this.#transport.isBroken) return;
    this.close();
    this.#transport = await this.#open(this.#options.address);
  }

  async send(lines: readonly LogLine[]): Promise<void> {
    await this.connect();
    // Docker sends no empty line.
    const messages = lines.filter((line) => line.text.length > 0).map((line) => this.#format.message(line));
    if (messages.length > 0) await this.#transport!.send(messages);
  }

  close(): void {
    this.#transport?.close();
    this.#transport = undefined;
  }

  abort(): void {
    this.#transport?.destroy();
    this.#transport = undefined;
  }

  async #open(address: SyslogAddress): Promise<Transport> {
    if (address.kind === "local") return this.#openLocal();
    if (address.kind === "udp") return new Datagrams(await openUdp(address.host, address.port));
    if (address.kind === "unixgram") return new Datagrams(this.#unixDatagram(address.path));
    const { tls } = this.#options;
    return new Stream(await Connection.open(address.kind === "tls" ? { ...address, tls } : address));
  }

  async #openLocal(): Promise<Transport> {
    for (const path of LOCAL_SOCKETS.filter((socket) => existsSync(socket))) {
      try {
        return new Datagrams(this.#unixDatagram(path));
      } catch {
        // Some syslog daemons listen for a stream there.
      }
      try {
        return new Stream(await Connection.open({ kind: "unix", path }));
      } catch {
        // The next one.
      }
    }
    throw new Error("Unix syslog delivery error");
  }

  #unixDatagram(path: string): DatagramSocket {
    if (this.#openDatagram === undefined) throw new Error("unixgram sockets are not supported on this host");
    return this.#openDatagram(path);
  }
}

interface Transport {
  readonly isBroken: boolean;
  send(messages: readonly Buffer[]): Promise<void>;
  close(): void;
  destroy(): void;
}

class Stream implements Transport {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  get isBroken(): boolean {
    return this.#connection.isBroken;
  }

  send(messages: readonly Buffer[]): Promise<void> {
    return this.#connection.write(Buffer.concat(messages));
  }

  close(): void {
    this.#connection.close();
  }

  destroy(): void {
    this.#connection.destroy();
  }
}

class Datagrams implements Transport {
  readonly #socket: DatagramSocket;
  isBroken = false;

  constructor(socket: DatagramSocket) {
    this.#socket = socket;
  }

  async send(messages: readonly Buffer[]): Promise<void> {
    try {
      for (const message of messages) await this.#socket.send(message);
    } catch (error) {
      this.isBroken = true;
      throw error;
    }
  }

  close(): void {
    this.#socket.close();
  }

  destroy(): void {
    this.close();
  }
}

/** One message a line, ended by a newline whatever carries it, as Docker's library (srslog) writes them. */
export class SyslogFormatter {
  readonly #options: Pick<SyslogOptions, "address" | "facility" | "format">;
  readonly #tag: string;
  readonly #host = hostname();

  constructor(options: Pick<SyslogOptions, "address" | "facility" | "format">, tag: string) {
    this.#options = options;
    this.#tag = tag;
  }

  message({ stream, time, text }: LogLine): Buffer {
    const { facility, format, address } = this.#options;
    const priority = facility * 8 + (stream === STDERR ? ERROR : INFORMATIONAL);
    const head = Buffer.from(this.#head(format, priority, time.seconds, time.nanoseconds));
    const message = Buffer.concat([head, text, Buffer.from("\n")]);
    // RFC 5425: over TLS, a message is preceded by its length.
    const counted = address.kind === "tls" && format.startsWith("rfc5424");
    return counted ? Buffer.concat([Buffer.from(`${message.length} `), message]) : message;
  }

  #head(format: SyslogFormat, priority: number, seconds: number, nanoseconds: number): string {
    const [tag, host, pid] = [this.#tag, this.#host, process.pid];
    switch (format) {
      case "":
        return `<${priority}>${stamp(seconds)} ${tag}[${pid}]: `;
      case "rfc3164":
        return `<${priority}>${stamp(seconds)} ${host} ${tag}[${pid}]: `;
      case "rfc5424":
        return `<${priority}>1 ${rfc3339(seconds)} ${host} ${tag} ${pid} ${tag} - `;
      case "rfc5424micro": {
        const fraction = String(Math.floor(nanoseconds / 1000)).padStart(6, "0");
        return `<${priority}>1 ${rfc3339(seconds, `.${fraction}`)} ${host} ${tag} ${pid} ${tag} - `;
      }
    }
  }
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const two = (value: number) => String(value).padStart(2, "0");

/** `Jan  2 15:04:05` in local time (RFC 3164, section 4.1.2). */
function stamp(seconds: number): string {
  const date = new Date(seconds * 1000);
  const day = String(date.getDate()).padStart(2, " ");
  return `${MONTHS[date.getMonth()]} ${day} ${clock(date)}`;
}

function rfc3339(seconds: number, fraction = ""): string {
  const date = new Date(seconds * 1000);
  const offset = -date.getTimezoneOffset();
  const minutes = Math.abs(offset);
  const zone =
    offset === 0 ? "Z" : `${offset < 0 ? "-" : "+"}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}T${clock(date)}${fraction}${zone}`;
}

function clock(date: Date): string {
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}
