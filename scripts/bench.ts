// The same jobs on berth and on Docker, in turn, in one run. An argument picks the jobs whose name has it;
// `--save NAME` keeps the outcome in bench/results/NAME.json and NAME.md; `--soak` also runs berth's thousand
// containers and its three hundred side by side.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { bareRunc } from "../bench/bare-runc.ts";
import { type BenchEngine, startBerth, startDocker } from "../bench/engines.ts";
import { IMAGE, JOBS, type Job } from "../bench/jobs.ts";
import { summarize } from "../bench/measure.ts";
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
await installPackages(ENGINE_PACKAGES);
await buildIfStale();
const rows: Row[] = [];
let soaked: SoakResult | undefined;
let flat: { one: number; many: number } | undefined;
{
  await using berth = await startBerth();
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
  say(`berth's daemon: ${residentMegabytes(berth.pid)} MB resident`);
  if (values.soak) {
    soaked = await soak(berth, 1000);
    flat = await flatness(berth, 300);
    say(JSON.stringify({ soaked, flat }, null, 2));
  }
}
const bare = summarize(await bareRunc(15));
say(
  `\n${table(rows)}\n\nA bare \`runc run\` of the same root: ${bare.median.toFixed(1)} ms (${bare.min.toFixed(1)}–${bare.max.toFixed(1)})`,
);
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

function residentMegabytes(pid: number): string {
  const status = require("node:fs").readFileSync(`/proc/${pid}/status`, "utf8") as string;
  return (Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024).toFixed(0);
}

async function save(name: string): Promise<void> {
  const machine = `${(await run(["uname", "-sr"])).stdout.trim()}, ${navigator.hardwareConcurrency} CPUs`;
  const result = {
    machine,
    date: new Date().toISOString().slice(0, 10),
    rows,
    bareRuncMs: bare,
    soaked,
    flat,
  };
  writeFileSync(join(ROOT, "bench/results", `${name}.json`), `${JSON.stringify(result, null, 2)}\n`);
  const text = `# ${name}\n\n${machine}, ${result.date}. Medians with the range of the runs.\n\n${table(rows)}\n`;
  writeFileSync(join(ROOT, "bench/results", `${name}.md`), text);
  say(`Kept in bench/results/${name}.json and .md`);
}
