import type { ListKind } from "../show/format.ts";
import { binarySize, humanSize } from "../text/units.ts";

/** What a container used in the last second. */
export interface StatsSample {
  /** As the person named it. */
  readonly container: string;
  readonly id: string;
  /** With its leading slash. */
  readonly name: string;
  /** Undefined: nothing is known (it does not run, or does not answer). */
  readonly use:
    | {
        readonly cpuPercent: number;
        readonly memoryBytes: number;
        readonly memoryLimitBytes: number;
        readonly memoryPercent: number;
        readonly receivedBytes: number;
        readonly sentBytes: number;
        readonly readBytes: number;
        readonly writtenBytes: number;
        readonly pids: number;
      }
    | undefined;
}

export const STATS_TABLE =
  "table {{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}\t{{.BlockIO}}\t{{.PIDs}}";

const UNKNOWN = "--";

/** `berth stats`. */
export function statsList(short: boolean): ListKind<StatsSample> {
  return {
    typeName: "*container.statsContext",
    titles: {
      Container: "CONTAINER",
      Name: "NAME",
      ID: "CONTAINER ID",
      CPUPerc: "CPU %",
      MemUsage: "MEM USAGE / LIMIT",
      MemPerc: "MEM %",
      NetIO: "NET I/O",
      BlockIO: "BLOCK I/O",
      PIDs: "PIDS",
    },
    fields: {
      Container: ({ container }) => container,
      Name: ({ name }) => (name.length > 1 ? name.slice(1) : UNKNOWN),
      ID: ({ id }) => (short ? id.slice(0, 12) : id),
      CPUPerc: ({ use }) => percent(use?.cpuPercent),
      MemUsage: ({ use }) =>
        use === undefined
          ? "-- / --"
          : `${binarySize(use.memoryBytes)} / ${binarySize(use.memoryLimitBytes)}`,
      MemPerc: ({ use }) => percent(use?.memoryPercent),
      NetIO: ({ use }) => pair(use?.receivedBytes, use?.sentBytes),
      BlockIO: ({ use }) => pair(use?.readBytes, use?.writtenBytes),
      PIDs: ({ use }) => (use === undefined ? UNKNOWN : String(use.pids)),
    },
  };
}

function percent(value: number | undefined): string {
  return value === undefined ? UNKNOWN : `${value.toFixed(2)}%`;
}

function pair(a: number | undefined, b: number | undefined): string {
  return a === undefined || b === undefined ? UNKNOWN : `${humanSize(a, 3)} / ${humanSize(b, 3)}`;
}
