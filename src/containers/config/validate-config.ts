import { invalidParameter } from "../../lib/index.ts";
import type { ContainerConfig, HealthConfig } from "../../wire/index.ts";
import { cleanPath } from "../mounts/path.ts";
import { parsePortSet } from "./ports.ts";

/** Linux's HOST_NAME_MAX. */
const LONGEST_HOSTNAME = 64;
const ON_FAILURE = ["", "none", "kill", "restart", "stop"];
const MILLISECOND = 1_000_000;

/**
 * Checks what a request says of the container itself, and cleans what has more than one way to say it.
 * @throws InvalidParameter in Docker's words
 */
export function validateConfig(
  config: ContainerConfig,
  parseSignal: (text: string) => number,
): ContainerConfig {
  if (config.StopSignal) parseSignal(config.StopSignal);
  for (const variable of config.Env ?? []) {
    if (variable === "" || variable.startsWith("=") || variable.includes("\0")) {
      throw invalidParameter(`invalid environment variable: ${variable}`);
    }
  }
  if ((config.Hostname ?? "").length > LONGEST_HOSTNAME) {
    throw invalidParameter(
      `hostname ${JSON.stringify(config.Hostname)} is too long (maximum ${LONGEST_HOSTNAME} bytes)`,
    );
  }
  if (config.Healthcheck) validateHealthcheck(config.Healthcheck);
  return {
    ...config,
    ...(config.WorkingDir ? { WorkingDir: parseWorkingDir(config.WorkingDir) } : {}),
    ...(config.ExposedPorts ? { ExposedPorts: parsePortSet(config.ExposedPorts) } : {}),
  };
}

function parseWorkingDir(path: string): string {
  if (!path.startsWith("/")) {
    throw invalidParameter(`the working directory '${path}' is invalid, it needs to be an absolute path`);
  }
  return cleanPath(path);
}

function validateHealthcheck(check: HealthConfig): void {
  for (const field of ["Interval", "Timeout", "StartPeriod", "StartInterval"] as const) {
    const value = check[field] ?? 0;
    if (value !== 0 && value < MILLISECOND) {
      throw invalidParameter(`${field} in Healthcheck cannot be less than 1ms`);
    }
  }
  if ((check.Retries ?? 0) < 0) throw invalidParameter("Retries in Healthcheck cannot be negative");
  if (!ON_FAILURE.includes(check.OnFailure ?? "")) {
    throw invalidParameter(
      `invalid health-on-failure action: ${JSON.stringify(check.OnFailure)}; use one of 'none', 'kill', 'restart', or 'stop'`,
    );
  }
}
