/** The daemon's own log: one `logfmt` line an event on stderr, which a service manager collects. */
export type LogLevel = "debug" | "info" | "warn" | "error";

const ORDER: readonly LogLevel[] = ["debug", "info", "warn", "error"];
let threshold = ORDER.indexOf("info");

export type LogFields = Record<string, string | number | boolean | undefined>;

export function setLogLevel(level: LogLevel): void {
  threshold = ORDER.indexOf(level);
}

export function isDebug(): boolean {
  return threshold === 0;
}

function write(level: LogLevel, message: string, fields: LogFields): void {
  if (ORDER.indexOf(level) < threshold) return;
  let line = `time=${new Date().toISOString()} level=${level} msg=${JSON.stringify(message)}`;
  for (const [key, value] of Object.entries(fields)) {
    if (value !== undefined) line += ` ${key}=${typeof value === "string" ? JSON.stringify(value) : value}`;
  }
  process.stderr.write(`${line}\n`);
}

export const log = {
  debug: (message: string, fields: LogFields = {}) => write("debug", message, fields),
  info: (message: string, fields: LogFields = {}) => write("info", message, fields),
  warn: (message: string, fields: LogFields = {}) => write("warn", message, fields),
  error: (message: string, fields: LogFields = {}) => write("error", message, fields),
};
