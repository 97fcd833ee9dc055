// The same jobs on berth and on Docker, in turn, in one run. An argument picks the jobs whose name has it;
// `--save NAME` keeps the outcome in bench/results/NAME.json and NAME.md; `--soak` also runs berth's thousand
// containers and its three hundred side by side.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { bareRunc } from "../bench/bare-runc.ts";
import { type BenchEngine, startBerth, startDocker } from "../bench/engines.ts";
import { IMAGE, JOBS, type Job } from "../bench/jobs.ts";
import { type Sample, summarize } from "../bench/measure.ts";
import { type Row, table } from "../bench/report.ts";
import { flatness, type SoakResult, soak } from "../bench/soak.ts";
import { busyboxRootTar } from "./lib/base-image.ts";
import { buildIfStale } from "./lib/executable.ts";
import { ENGINE_PACKAGES, installPackages } from "./lib/packages.ts";
import { ROOT, run, say } from "./lib/shell.ts";

const { values, positionals } = parseArgs({
  options: { save: { type: "string" }, soak: { type: "boolean", default: false } },
  allowPositionals: true,
});
/** The daemon gives back what its start needed after some quiet seconds. */
const IDLE_MS = 8000;

await installPackages(ENGINE_PACKAGES);
await buildIfStale();
const rows: Row[] = [];
let soaked: SoakResult | undefined;
let flat: { one: number; many: number } | undefined;
let bare: Sample;
let resident = 0;
{
  await using berth = await startBerth();
  // As it idles after its start, when its memory has settled.
  await Bun.sleep(IDLE_MS);
  resident = residentMegabytes(berth.pid);
  const other = await startDocker();
  await using docker = typeof other === "string" ? undefined : other;
  if (typeof other === "string") say(`${other}: berth is measured alone.`);
  const tar = await busyboxRootTar();
  const engines = docker === undefined ? [berth] : [berth, docker];
  for (const engine of engines) {
    await engine.clientWithInput(tar, "import", "-", IMAGE);
    await engine.client("run", "--rm", IMAGE, "true");
  }
  for (const job of JOBS.filter((job) => positionals.every((word) => job.name.includes(word)))) {
    rows.push(await measure(job, berth, docker));
    say(table(rows.slice(-1)).split("\n").at(-1)!);
  }
  bare = summarize(await bareRunc(berth, 15));
  if (values.soak) {
    soaked = await soak(berth, 1000);
    flat = await flatness(berth, 300);
    say(JSON.stringify({ soaked, flat }, null, 2));
  }
}
say(`\n${table(rows)}\n\n${footnotes(bare)}`);
if (values.save !== undefined) await save(values.save);

async function measure(job: Job, berth: BenchEngine, docker: BenchEngine | undefined): Promise<Row> {
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let index = 0; index < job.runs; index++) {
    ours.push(await job.time(berth));
    if (docker !== undefined) theirs.push(await job.time(docker));
  }
  const sample = summarize(ours);
  if (docker === undefined) return { job: job.name, berth: sample, atMost: job.atMost };
  const dockerSample = summarize(theirs);
  return {
    job: job.name,
    berth: sample,
    docker: dockerSample,
    ratio: sample.median / dockerSample.median,
    atMost: job.atMost,
  };
}

function residentMegabytes(pid: number): number {
  const status = require("node:fs").readFileSync(`/proc/${pid}/status`, "utf8") as string;
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024);
}

function footnotes(floor: Sample): string {
  const lines = [
    `berth's daemon idles at ${resident} MB. A bare \`runc run\` of the same bundle takes ${floor.median.toFixed(1)} ms (${floor.min.toFixed(1)}–${floor.max.toFixed(1)}).`,
  ];
  if (soaked !== undefined) {
    lines.push(
      `Before and after ${soaked.containers} × \`run --rm\`: ${JSON.stringify(soaked.before)}, ${JSON.stringify(soaked.after)}.`,
    );
  }
  if (flat !== undefined) {
    lines.push(
      `\`run --rm\` beside one container: ${flat.one.toFixed(1)} ms; beside three hundred: ${flat.many.toFixed(1)} ms.`,
    );
  }
  return lines.join("\n\n");
}

async function save(name: string): Promise<void> {
  mkdirSync(join(ROOT, "bench/results"), { recursive: true });
  const machine = `${(await run(["uname", "-sr"])).stdout.trim()}, ${navigator.hardwareConcurrency} CPUs`;
  const result = {
    machine,
    date: new Date().toISOString().slice(0, 10),
    rows,
    bareRuncMs: bare,
    idleMegabytes: resident,
    soaked,
    flat,
  };
  writeFileSync(join(ROOT, "bench/results", `${name}.json`), `${JSON.stringify(result, null, 2)}\n`);
  const text = `# ${name}\n\n${machine}, ${result.date}. Medians with the range of the runs.\n\n${table(rows)}\n\n${footnotes(bare)}\n`;
  writeFileSync(join(ROOT, "bench/results", `${name}.md`), text);
  say(`Kept in bench/results/${name}.json and .md`);
}
