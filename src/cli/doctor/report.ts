import { wrap } from "../show/wrap.ts";
import { type Counts, countsOf, type Section } from "./doctor.ts";
import type { Finding, Status } from "./finding.ts";

export interface ReportOptions {
  /** Only what is not well. */
  readonly quiet: boolean;
  /** Paint the marks. */
  readonly colour: boolean;
  /** Where lines break. */
  readonly width: number;
}

const MARKS: Readonly<Record<Status, string>> = { ok: "ok  ", warn: "warn", fail: "FAIL", skip: "?   " };
const COLOURS: Readonly<Record<Status, number>> = { ok: 32, warn: 33, fail: 31, skip: 90 };
const INDENT = " ".repeat(8);

/** What a person reads: under headings, with the reason and the commands behind what is not well. */
export function report(sections: readonly Section[], options: ReportOptions): string {
  const shown = sections.map(({ name, findings }) => ({
    name,
    findings: findings.filter(({ status }) => !options.quiet || status === "warn" || status === "fail"),
  }));
  const texts = shown
    .filter(({ findings }) => findings.length > 0)
    .map(({ name, findings }) => `${name}\n${findings.map((each) => describe(each, options)).join("")}`);
  return [...texts, summary(countsOf(sections))].join("\n");
}

function describe({ status, text, why, mend = [] }: Finding, { colour, width }: ReportOptions): string {
  const mark = colour ? `\x1b[${COLOURS[status]}m${MARKS[status]}\x1b[0m` : MARKS[status];
  const broken = (words: string) => wrap(words, Math.max(40, width - INDENT.length)).join(`\n${INDENT}`);
  const lines = [`  ${mark}  ${broken(text)}`];
  if (why !== undefined) lines.push(`${INDENT}${broken(why)}`);
  // Commands are never broken: they are there to be copied.
  for (const line of mend) lines.push(`${INDENT}  ${line}`);
  return `${lines.join("\n")}\n`;
}

function summary({ ok, warn, fail, skip }: Counts): string {
  const parts = [
    `${ok} ok`,
    `${warn} warning${warn === 1 ? "" : "s"}`,
    `${fail} failure${fail === 1 ? "" : "s"}`,
    ...(skip === 0 ? [] : [`${skip} not told`]),
  ];
  return `${parts.join(", ")}\n`;
}

/** The same for programs. */
export function reportData(sections: readonly Section[]): object {
  const checks = sections.flatMap(({ name, findings }) =>
    findings.map(({ id, status, text, why = "", mend = [] }) => ({
      ...{ ID: id, Area: name, Status: status, Text: text, Why: why, Mend: mend },
    })),
  );
  const { ok, warn, fail, skip } = countsOf(sections);
  return { Checks: checks, Summary: { Ok: ok, Warnings: warn, Failures: fail, Skipped: skip } };
}
