import type { Sample } from "./measure.ts";

/** One row of the comparison. Without Docker on the machine there is no ratio. */
export interface Row {
  readonly job: string;
  readonly berth: Sample;
  readonly docker?: Sample;
  readonly ratio?: number;
  readonly atMost: number;
}

const milliseconds = (value: number) => (value >= 100 ? value.toFixed(0) : value.toFixed(1));
const spread = (sample: Sample) =>
  `${milliseconds(sample.median)} (${milliseconds(sample.min)}–${milliseconds(sample.max)})`;

/** A Markdown table: medians with the range, and the ratio beside what was promised. */
export function table(rows: readonly Row[]): string {
  const lines = ["| job | berth, ms | Docker, ms | ratio | at most |", "| --- | --- | --- | --- | --- |"];
  for (const row of rows) {
    const docker = row.docker === undefined ? "–" : spread(row.docker);
    const ratio =
      row.ratio === undefined ? "–" : `${row.ratio.toFixed(2)}${row.ratio > row.atMost ? " ✗" : ""}`;
    lines.push(`| ${row.job} | ${spread(row.berth)} | ${docker} | ${ratio} | ${row.atMost} |`);
  }
  return lines.join("\n");
}
