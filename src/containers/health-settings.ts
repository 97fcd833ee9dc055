import type { ContainerConfig } from "../wire/index.ts";

export type HealthOnFailure = "none" | "kill" | "restart" | "stop";

/** A container's health check, with Docker's defaults filled in (moby, `daemon/health.go`). Times are milliseconds. */
export interface HealthSettings {
  readonly command: readonly string[];
  readonly interval: number;
  readonly timeout: number;
  readonly retries: number;
  readonly startPeriod: number;
  /** Between the checks of a container that has never been healthy, in its start period. */
  readonly startInterval: number;
  readonly onFailure: HealthOnFailure;
}

const SECOND = 1000;
const NANOSECONDS = 1e6;

/** `undefined` where there is nothing to check: no check, `NONE`, or a kind nobody knows. */
export function healthSettings(config: ContainerConfig): HealthSettings | undefined {
  const check = config.Healthcheck;
  const command = healthCommand(check?.Test ?? [], config.Shell ?? []);
  if (check === undefined || check === null || command === undefined) return undefined;
  const time = (nanoseconds: number | undefined, otherwise: number) =>
    nanoseconds ? nanoseconds / NANOSECONDS : otherwise;
  return {
    command,
    interval: time(check.Interval, 30 * SECOND),
    timeout: time(check.Timeout, 30 * SECOND),
    retries: check.Retries !== undefined && check.Retries > 0 ? check.Retries : 3,
    startPeriod: time(check.StartPeriod, 0),
    startInterval: time(check.StartInterval, 5 * SECOND),
    onFailure: onFailure(check.OnFailure),
  };
}

function healthCommand(test: readonly string[], shell: readonly string[]): readonly string[] | undefined {
  const [kind, ...words] = test;
  if (kind === "CMD") return words;
  if (kind === "CMD-SHELL") return [...(shell.length > 0 ? shell : ["/bin/sh", "-c"]), ...words];
  return undefined;
}

function onFailure(text: string | undefined): HealthOnFailure {
  return text === "kill" || text === "restart" || text === "stop" ? text : "none";
}

/** Go's way to print a duration: `1s`, `1m30s`, `500ms`, `1.5s`. @param milliseconds */
export function goDuration(milliseconds: number): string {
  if (milliseconds < SECOND) {
    if (milliseconds === 0) return "0s";
    if (milliseconds >= 1) return `${milliseconds}ms`;
    return milliseconds >= 1e-3 ? `${milliseconds * 1e3}µs` : `${Math.round(milliseconds * 1e6)}ns`;
  }
  const seconds = milliseconds / SECOND;
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  // Nine digits at most, as nanoseconds have them.
  const rest = `${Number((seconds % 60).toFixed(9))}s`;
  if (hours > 0) return `${hours}h${minutes}m${rest}`;
  return minutes > 0 ? `${minutes}m${rest}` : rest;
}
