import { EngineError, invalidParameter } from "../errors.ts";
import { type Flags, flagPlace, parseFlags } from "./flags.ts";
import type { HealthCheck, HealthcheckInstruction } from "./instruction.ts";
import { argumentError, type Statement, statementError } from "./statement.ts";
import { quote } from "./text.ts";
import { parseDurationNs } from "./values.ts";

const NO_TIMES = { Interval: 0, Timeout: 0, StartPeriod: 0, StartInterval: 0, Retries: 0 };

/** `HEALTHCHECK`. @throws DockerfileError */
export function typedHealthcheck(source: Statement): HealthcheckInstruction {
  const [first, ...command] = source.arguments;
  if (first === undefined) throw argumentError(source, "HEALTHCHECK requires at least one argument");
  const type = first.toUpperCase();
  if (type === "NONE") {
    if (command.length > 0) throw argumentError(source, "HEALTHCHECK NONE takes no arguments");
    return { name: "HEALTHCHECK", source, check: { Test: ["NONE"], ...NO_TIMES } };
  }
  const flags = parseFlags(source, {
    interval: "text",
    timeout: "text",
    "start-period": "text",
    "start-interval": "text",
    retries: "text",
  });
  if (type !== "CMD") throw argumentError(source, `Unknown type ${quote(type)} in HEALTHCHECK (try CMD)`);
  if (command.length === 0) throw argumentError(source, "Missing command after HEALTHCHECK CMD");
  const Test = source.json ? ["CMD", ...command] : ["CMD-SHELL", command.join(" ")];
  return { name: "HEALTHCHECK", source, check: { Test, ...timesOf(source, flags) } };
}

function timesOf(source: Statement, flags: Flags): Omit<HealthCheck, "Test"> {
  const read = (name: string, parse: (value: string, name: string) => number) => {
    const value = flags.text(name) ?? "";
    if (value === "") return 0;
    try {
      return parse(value, name);
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      throw statementError(source, error.message, flagPlace(source, name));
    }
  };
  return {
    Interval: read("interval", durationOf),
    Timeout: read("timeout", durationOf),
    StartPeriod: read("start-period", durationOf),
    StartInterval: read("start-interval", durationOf),
    Retries: read("retries", retriesOf),
  };
}

/** Docker refuses what is shorter: checks would follow one another without pause. */
const DURATION_MIN_NS = 1_000_000;

function durationOf(value: string, name: string): number {
  const duration = parseDurationNs(value);
  if (duration !== 0 && duration < DURATION_MIN_NS) {
    throw invalidParameter(`Interval ${quote(name)} cannot be less than 1ms`);
  }
  return duration;
}

const RETRIES_MAX = 2 ** 31 - 1;

function retriesOf(value: string): number {
  if (!/^[+-]?\d{1,16}$/.test(value)) {
    throw invalidParameter(`strconv.ParseInt: parsing ${quote(value)}: invalid syntax`);
  }
  const retries = Number(value);
  if (Math.abs(retries) > RETRIES_MAX) {
    throw invalidParameter(`strconv.ParseInt: parsing ${quote(value)}: value out of range`);
  }
  if (retries < 0) throw invalidParameter(`--retries cannot be negative (${retries})`);
  return retries;
}
