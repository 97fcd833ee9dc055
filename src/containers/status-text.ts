import type { ContainerRecord } from "./record.ts";
import { humanDuration, NEVER, parseTime } from "./time.ts";

/** Docker's one line about a container: `Up 3 minutes (healthy)`, `Exited (0) 2 seconds ago`. */
export function statusText(record: ContainerRecord, nowMs: number): string {
  const { status, startedAt, finishedAt, exitCode } = record.state;
  const since = (time: string) => humanDuration(nowMs - parseTime(time));
  switch (status) {
    case "running":
      return `Up ${since(startedAt)}${healthText(record)}`;
    case "paused":
      return `Up ${since(startedAt)} (Paused)`;
    case "restarting":
      return `Restarting (${exitCode}) ${since(finishedAt)} ago`;
    case "removing":
      return "Removal In Progress";
    case "dead":
      return "Dead";
    default:
      if (startedAt === NEVER) return "Created";
      return finishedAt === NEVER ? "" : `Exited (${exitCode}) ${since(finishedAt)} ago`;
  }
}

function healthText(record: ContainerRecord): string {
  switch (record.state.health?.Status) {
    case undefined:
      return "";
    case "starting":
      return " (health: starting)";
    case "none":
      return "";
    default:
      return ` (${record.state.health!.Status})`;
  }
}
