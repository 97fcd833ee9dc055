import { invalidParameter } from "../../lib/index.ts";
import type { HealthConfig } from "../../wire/index.ts";
import type { NamedService } from "../application.ts";

/** The service's check of health; nothing where it says nothing and the image's counts. */
export function healthConfig({ name, healthcheck }: NamedService): HealthConfig | undefined {
  if (healthcheck === undefined || healthcheck === null) return undefined;
  const { test, interval, timeout, start_period, start_interval, retries, disable } = healthcheck;
  if (start_interval !== undefined && start_period === undefined) {
    throw invalidParameter(
      `services.${name}: healthcheck.start_interval requires healthcheck.start_period to be set`,
    );
  }
  // What is not said is the image's, or the engine's own.
  return {
    ...(disable === true ? { Test: ["NONE"] } : test === undefined ? {} : { Test: test }),
    ...(interval ? { Interval: interval } : {}),
    ...(timeout ? { Timeout: timeout } : {}),
    ...(start_period ? { StartPeriod: start_period } : {}),
    ...(start_interval ? { StartInterval: start_interval } : {}),
    ...(retries ? { Retries: retries } : {}),
  };
}
