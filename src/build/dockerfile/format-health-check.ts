import type { HealthCheck } from "../../lib/dockerfile/index.ts";

/** Go's `%+v` of the structure that BuildKit keeps. */
export function formatHealthCheck(check: HealthCheck): string {
  const durations = (["Interval", "Timeout", "StartPeriod", "StartInterval"] as const).map(
    (name) => `${name}:${formatDuration(check[name])}`,
  );
  return `{Test:[${check.Test.join(" ")}] ${durations.join(" ")} Retries:${check.Retries}}`;
}

/** Go's `time.Duration.String()` of a duration in nanoseconds, of which there are none between zero and a millisecond. */
function formatDuration(nanoseconds: number): string {
  if (nanoseconds === 0) return "0s";
  if (nanoseconds < 1e9) return `${nanoseconds / 1e6}ms`;
  const seconds = nanoseconds / 1e9;
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  const rest = Number((seconds % 60).toFixed(9));
  if (hours > 0) return `${hours}h${minutes}m${rest}s`;
  return minutes > 0 ? `${minutes}m${rest}s` : `${rest}s`;
}
