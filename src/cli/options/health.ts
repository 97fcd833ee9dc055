import type { HealthConfig } from "../../wire/index.ts";
import { bool, duration, type Flags, int, string, type Values } from "../flags.ts";

/** What an unhealthy container may suffer. */
const ON_FAILURE = ["none", "kill", "restart", "stop"] as const;

export const HEALTH_FLAGS = {
  "health-cmd": string("Command that tells whether the container is healthy"),
  "health-interval": duration("Time between checks (ms|s|m|h)"),
  "health-on-failure": {
    ...string("What happens to an unhealthy container: none, kill, restart or stop", {
      complete: ON_FAILURE,
    }),
    take: checkOnFailure,
  },
  "health-retries": int("Failures in a row that make the container unhealthy"),
  "health-start-interval": duration("Time between checks while the container starts (ms|s|m|h)"),
  "health-start-period": duration("Time to start, in which failures do not count (ms|s|m|h)"),
  "health-timeout": duration("Time a check may take (ms|s|m|h)"),
  "no-healthcheck": bool("Do not check, whatever the image says"),
} satisfies Flags;

function checkOnFailure(text: string): string {
  if (!(ON_FAILURE as readonly string[]).includes(text)) {
    throw new Error(`must be one of ${ON_FAILURE.map((each) => `"${each}"`).join(", ")}`);
  }
  return text;
}

/** The check that the flags ask for; undefined where they say nothing. @throws with Docker's words. */
export function healthOf(flags: Values<typeof HEALTH_FLAGS>): HealthConfig | undefined {
  const command = flags["health-cmd"];
  const onFailure = flags["health-on-failure"];
  const numbers = {
    Interval: notNegative("health-interval", flags["health-interval"]),
    Timeout: notNegative("health-timeout", flags["health-timeout"]),
    Retries: notNegative("health-retries", flags["health-retries"]),
    StartPeriod: notNegative("health-start-period", flags["health-start-period"]),
    StartInterval: notNegative("health-start-interval", flags["health-start-interval"]),
  };
  const given = Object.entries(numbers).filter(([, value]) => value !== 0);
  const isGiven = command !== "" || onFailure !== "" || given.length > 0;
  if (flags["no-healthcheck"]) {
    if (isGiven) throw new Error("--no-healthcheck conflicts with --health-* options");
    return { Test: ["NONE"] };
  }
  if (!isGiven) return undefined;
  return {
    ...(command !== "" && { Test: ["CMD-SHELL", command] }),
    ...Object.fromEntries(given),
    ...(onFailure !== "" && { OnFailure: onFailure }),
  };
}

function notNegative(name: string, value: number): number {
  if (value < 0) throw new Error(`--${name} cannot be negative`);
  return value;
}
