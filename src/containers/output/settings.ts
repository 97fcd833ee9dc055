/** What a container's `LogConfig` means: checked when the container is created, read again whenever it is needed. */
import { invalidParameter } from "../../lib/index.ts";
import type { LogConfig } from "../../wire/index.ts";
import type { LogLimits } from "./chain.ts";
import { fluentdOptions } from "./drivers/fluentd-options.ts";
import { syslogOptions } from "./drivers/syslog-options.ts";
import { parseBool, parseInteger, parseSize } from "./values.ts";

export type Options = Readonly<Record<string, string>>;

export const LOG_DRIVERS = ["fluentd", "journald", "json-file", "local", "none", "syslog"] as const;
export type LogDriver = (typeof LOG_DRIVERS)[number];

export interface LogSettings {
  readonly driver: LogDriver;
  readonly options: Options;
  readonly limits: LogLimits;
  /** Segments that are not written any more are kept as gzip. */
  readonly compress: boolean;
  /** `docker logs` works. Where not, output is kept only for those who are attached, and not for long. */
  readonly readable: boolean;
}

const MEGABYTE = 1_000_000;
/** Unbounded logs fill disks: without options, a container keeps its last 50 MB. */
const DEFAULT_SIZE = 10 * MEGABYTE;
const DEFAULT_FILES = 5;
const BACKLOG = 2 * 1024 ** 3;
/** For drivers whose output cannot be read afterwards: what an attached client may lag behind without being counted as slow. */
const ATTACH_ONLY: LogLimits = { maxSize: 4 * MEGABYTE, maxFiles: 2, backlog: BACKLOG };

const ATTRIBUTES = ["labels", "labels-regex", "env", "env-regex", "tag"];
const FILE = ["max-size", "max-file", "compress"];
const SYSLOG = ["address", "facility", "format", "tls-ca-cert", "tls-cert", "tls-key", "tls-skip-verify"];
const FLUENTD = [
  ...["address", "async", "async-connect", "async-reconnect-interval", "buffer-limit", "max-retries"],
  ...["request-ack", "retry-wait", "sub-second-precision", "write-timeout", "read-timeout"],
];

/** The options of each driver. */
const KNOWN: Readonly<Record<Exclude<LogDriver, "none">, readonly string[]>> = {
  "json-file": [...FILE, ...ATTRIBUTES],
  local: FILE,
  journald: ATTRIBUTES,
  syslog: [...SYSLOG.map((name) => `syslog-${name}`), ...ATTRIBUTES],
  fluentd: [...FLUENTD.map((name) => `fluentd-${name}`), ...ATTRIBUTES],
};

/** Options that every driver takes. */
const GENERAL = [
  "mode",
  "max-buffer-size",
  "cache-disabled",
  "cache-max-size",
  "cache-max-file",
  "cache-compress",
];

/**
 * @throws InvalidParameter in Docker's words where the driver is unknown, or an option or its value (moby,
 * `logger.ValidateLogOpts`; values of files are checked here already, where Docker fails at the start)
 */
export function logSettings(config: LogConfig): LogSettings {
  const driver = knownDriver(config.Type ?? "");
  const options = config.Config ?? {};
  if (driver === "none") return { driver, options, limits: ATTACH_ONLY, compress: false, readable: false };
  checkNames(driver, options);
  checkMode(options);
  if (driver === "json-file" || driver === "local") return fileSettings(driver, options, "");
  if (driver === "syslog") syslogOptions(options);
  if (driver === "fluentd") fluentdOptions(options);
  if (cacheDisabled(options))
    return { driver, options, limits: ATTACH_ONLY, compress: false, readable: false };
  return fileSettings(driver, options, "cache-");
}

function knownDriver(name: string): LogDriver {
  const driver = LOG_DRIVERS.find((known) => known === name);
  if (driver === undefined) throw invalidParameter(`logger: no log driver named '${name}' is registered`);
  return driver;
}

function checkNames(driver: Exclude<LogDriver, "none">, options: Options): void {
  for (const name of Object.keys(options)) {
    if (KNOWN[driver].includes(name) || GENERAL.includes(name)) continue;
    throw invalidParameter(
      driver === "local"
        ? `unknown log opt '${name}' for log driver local`
        : `unknown log opt '${name}' for ${driver} log driver`,
    );
  }
  for (const name of ["labels-regex", "env-regex"]) checkPattern(name, options[name]);
}

function checkPattern(name: string, pattern: string | undefined): void {
  try {
    if (pattern !== undefined) new RegExp(pattern);
  } catch {
    throw invalidParameter(`invalid value for ${name}: ${JSON.stringify(pattern)} is no regular expression`);
  }
}

/**
 * A container never waits for its log here, whatever the mode says: its output goes to files first, and is forwarded from
 * there. So `mode` and its buffer are checked and need nothing more.
 */
function checkMode(options: Options): void {
  const mode = options["mode"] ?? "";
  if (mode !== "" && mode !== "blocking" && mode !== "non-blocking") {
    throw invalidParameter(`logger: logging mode not supported: ${mode}`);
  }
  const buffer = options["max-buffer-size"];
  if (buffer === undefined) return;
  if (mode !== "non-blocking") {
    throw invalidParameter("logger: max-buffer-size option is only supported with 'mode=non-blocking'");
  }
  inOption("error parsing option max-buffer-size", () => parseSize(buffer, 1024));
}

function cacheDisabled(options: Options): boolean {
  const value = options["cache-disabled"] ?? "";
  try {
    return value !== "" && parseBool(value);
  } catch {
    throw invalidParameter(`invalid value for option cache-disabled: ${value}`);
  }
}

function fileSettings(driver: LogDriver, options: Options, prefix: string): LogSettings {
  const maxSize = maximumSize(options[`${prefix}max-size`], `${prefix}max-size`);
  const maxFiles = maximumFiles(options[`${prefix}max-file`], `${prefix}max-file`);
  const text = options[`${prefix}compress`];
  const compress =
    text !== undefined && inOption(`invalid value for ${prefix}compress`, () => parseBool(text));
  if (compress && (maxFiles === 1 || maxSize === Number.POSITIVE_INFINITY)) {
    throw invalidParameter("compress cannot be true when max-file is less than 2 or max-size is not set");
  }
  return { driver, options, limits: { maxSize, maxFiles, backlog: BACKLOG }, compress, readable: true };
}

/** `-1` is how Docker's documentation writes "unlimited". */
function maximumSize(text: string | undefined, name: string): number {
  if (text === undefined) return DEFAULT_SIZE;
  if (text === "-1") return Number.POSITIVE_INFINITY;
  const size = inOption(`invalid value for ${name}`, () => parseSize(text, 1000));
  if (size <= 0) throw invalidParameter(`${name} must be a positive number`);
  return size;
}

function maximumFiles(text: string | undefined, name: string): number {
  if (text === undefined) return DEFAULT_FILES;
  const files = inOption(`invalid value for ${name}`, () => parseInteger(text));
  if (files < 1) throw invalidParameter(`${name} cannot be less than 1`);
  return Math.min(files, 10_000);
}

function inOption<T>(context: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw invalidParameter(`${context}: ${(error as Error).message}`);
  }
}
