import { invalidParameter } from "../../../lib/index.ts";
import type { Options } from "../settings.ts";
import { parseBool, parseDuration, parseInteger, parseSize } from "../values.ts";

export type FluentdAddress =
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "tcp" | "tls"; readonly host: string; readonly port: number };

export interface FluentdOptions {
  readonly address: FluentdAddress;
  /** Start the container even where nobody answers. */
  readonly async: boolean;
  /** Milliseconds before the second attempt; each further one waits 1.5 times as long. */
  readonly retryWait: number;
  readonly maxRetries: number;
  /** Wait for the server to say that it has the messages. */
  readonly requestAck: boolean;
  /** Times with nanoseconds (the protocol's EventTime) in place of seconds. */
  readonly subSecond: boolean;
  /** Milliseconds; 0 for none. */
  readonly writeTimeout: number;
}

/** @throws InvalidParameter in Docker's words */
export function fluentdOptions(options: Options): FluentdOptions {
  const value = <T>(name: string, read: (text: string) => T, otherwise: T): T => {
    const text = options[`fluentd-${name}`] ?? "";
    return text === "" ? otherwise : read(text);
  };
  value("buffer-limit", (text) => parseSize(text, 1024), 0);
  value("async-reconnect-interval", reconnectInterval, 0);
  value("read-timeout", (text) => timeout("fluentd-read-timeout", text), 0);
  return {
    address: parseAddress(options["fluentd-address"] ?? ""),
    async: value("async", parseBool, value("async-connect", parseBool, false)),
    retryWait: value("retry-wait", parseDuration, 1000),
    maxRetries: value("max-retries", maxRetries, 2 ** 31 - 1),
    requestAck: value("request-ack", parseBool, false),
    subSecond: value("sub-second-precision", parseBool, false),
    writeTimeout: value("write-timeout", (text) => timeout("fluentd-write-timeout", text), 0),
  };
}

function parseAddress(text: string): FluentdAddress {
  if (text === "") return { kind: "tcp", host: "127.0.0.1", port: 24224 };
  const refuse = (reason: string) => invalidParameter(`invalid fluentd-address (${text}): ${reason}`);
  const [, scheme = "", rest = ""] =
    /^([^:]*):\/\/(.*)$/.exec(text.includes("://") ? text : `tcp://${text}`) ?? [];
  if (scheme === "unix") {
    if (rest.replace(/^\/+/, "") === "") throw refuse("path is empty");
    return { kind: "unix", path: rest };
  }
  if (scheme !== "tcp" && scheme !== "tls") throw refuse(`unsupported scheme: '${scheme}'`);
  const url = URL.parse(`tcp://${rest}`);
  if (url === null) throw refuse("invalid port");
  if (url.pathname !== "") throw refuse("should not contain a path element");
  return {
    kind: scheme,
    host: url.hostname.replace(/^\[|\]$/g, "") || "127.0.0.1",
    port: url.port === "" ? 24224 : Number(url.port),
  };
}

function maxRetries(text: string): number {
  const retries = parseInteger(text);
  if (retries < 0 || retries >= 2 ** 31)
    throw invalidParameter("invalid fluentd-max-retries: value out of range");
  return retries;
}

function reconnectInterval(text: string): number {
  const milliseconds = parseDuration(text);
  if (milliseconds !== 0 && (milliseconds < 100 || milliseconds > 10_000)) {
    throw invalidParameter(
      `invalid value for fluentd-async-reconnect-interval: value (${JSON.stringify(text)}) must be between 100ms and 10s`,
    );
  }
  return milliseconds;
}

function timeout(name: string, text: string): number {
  let milliseconds: number;
  try {
    milliseconds = parseDuration(text);
  } catch {
    throw invalidParameter(`invalid value for ${name}: value must be a duration`);
  }
  if (milliseconds < 0) {
    throw invalidParameter(`invalid value for ${name}: value must be a duration that is non-negative`);
  }
  return milliseconds;
}
