import type { Sample } from "./measure.ts";

/** One row of the comparison. Without Docker on the machine there is no ratio. */
export interface Row {
  readonly job: string;
  readonly berth: Sample;
  readonly docker?: Sample;
  readonly ratio?: number;
  readonly atMost: number;
  /** Milliseconds. */
  readonly atMostMs?: number;
  readonly limits?: Readonly<Record<string, Sample>>;
}

/** Something of which more is better. */
export interface RateRow {
  readonly rate: string;
  readonly berth: Sample;
  readonly docker?: Sample;
  readonly atLeast: number;
  /** The same over a bare veth pair, and how much of that it is to be at least. */
  readonly bare?: Sample;
  readonly ofBareVeth?: number;
}

const milliseconds = (value: number) => (value >= 100 ? value.toFixed(0) : value.toFixed(1));
const spread = (sample: Sample) =>
  `${milliseconds(sample.median)} (${milliseconds(sample.min)}–${milliseconds(sample.max)})`;

/** A Markdown table: medians with the range, and the ratio beside what was promised. */
export function table(rows: readonly Row[]): string {
  const hasLimits = rows.some(({ limits }) => limits !== undefined);
  const more = (text: string) => (hasLimits ? ` ${text} |` : "");
  const lines = [
    `| job | berth, ms | Docker, ms | ratio | at most |${more("by bare programs, ms")}`,
    `| --- | --- | --- | --- | --- |${more("---")}`,
  ];
  for (const row of rows) {
    const limits = Object.entries(row.limits ?? {}).map(([name, sample]) => `${name} ${spread(sample)}`);
    const docker = row.docker === undefined ? "–" : spread(row.docker);
    const ratio =
      row.ratio === undefined ? "–" : `${row.ratio.toFixed(2)}${row.ratio > row.atMost ? " ✗" : ""}`;
    const isLate = row.atMostMs !== undefined && row.berth.median > row.atMostMs;
    const within = row.atMostMs === undefined ? "" : `, ${row.atMostMs} ms${isLate ? " ✗" : ""}`;
    lines.push(
      `| ${row.job} | ${spread(row.berth)} | ${docker} | ${ratio} | ${row.atMost}${within} |${more(limits.join(", "))}`,
    );
  }
  return lines.join("\n");
}

/** A Markdown table of rates: medians with the range, and both ratios beside what was promised. */
export function ratesTable(rows: readonly RateRow[]): string {
  const ratio = (berth: Sample, other: Sample | undefined, atLeast: number | undefined) => {
    if (other === undefined || atLeast === undefined) return "–";
    const value = berth.median / other.median;
    return `${value.toFixed(2)}${value < atLeast ? " ✗" : ""} (≥ ${atLeast})`;
  };
  const lines = [
    "| rate | berth | Docker | ratio | bare veth pair | ratio |",
    "| --- | --- | --- | --- | --- | --- |",
  ];
  for (const { rate, berth, docker, atLeast, bare, ofBareVeth } of rows) {
    const samples = [docker, bare].map((sample) => (sample === undefined ? "–" : spread(sample)));
    lines.push(
      `| ${rate} | ${spread(berth)} | ${samples[0]} | ${ratio(berth, docker, atLeast)} | ${samples[1]} | ${ratio(berth, bare, ofBareVeth)} |`,
    );
  }
  return lines.join("\n");
}
