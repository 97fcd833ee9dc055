// The same jobs on berth and on Docker, in turn, in one run. An argument picks the jobs whose name it matches as a pattern;
// `--save NAME` keeps the outcome in bench/results/NAME.json and NAME.md; `--soak` also runs berth's thousand
// containers and its three hundred side by side.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { API_JOBS, API_RATES, idleListenersMegabytes } from "../bench/api.ts";
import { bareRunc } from "../bench/bare-runc.ts";
import { BUILD_JOBS } from "../bench/builds.ts";
import { COMPOSE_JOBS } from "../bench/compose.ts";
import { type BenchEngine, startBerth, startDocker } from "../bench/engines.ts";
import { IMAGE_JOBS } from "../bench/images.ts";
import { IMAGE, JOBS, type Job } from "../bench/jobs.ts";
import { residentMegabytes, type Sample, summarize } from "../bench/measure.ts";
import { bareVeth, NETWORK_JOBS, RATES, type Rate } from "../bench/networks.ts";
import { type RateRow, type Row, ratesTable, table } from "../bench/report.ts";
import { flatness, type SoakResult, soak } from "../bench/soak.ts";
import { busyboxRootTar } from "./lib/base-image.ts";
import { forgetOwnSettings } from "./lib/environment.ts";
import { buildIfStale } from "./lib/executable.ts";
import { BENCH_PACKAGES, ENGINE_PACKAGES, installPackages } from "./lib/packages.ts";
import { ROOT, run, say } from "./lib/shell.ts";

const { values, positionals } = parseArgs({
  options: { save: { type: "string" }, soak: { type: "boolean", default: false } },
  allowPositionals: true,
});
/** The daemon gives back what its start needed after some quiet seconds. */
const IDLE_MS = 8000;

forgetOwnSettings();
await installPackages([...ENGINE_PACKAGES, ...BENCH_PACKAGES]);
await buildIfStale();
const rows: Row[] = [];
const rates: RateRow[] = [];
let soaked: SoakResult | undefined;
let flat: { one: number; many: number } | undefined;
let bare: Sample;
let resident = 0;
let listeners: number[] = [];
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
  for (const job of [
    ...JOBS,
    ...NETWORK_JOBS,
    ...IMAGE_JOBS,
    ...BUILD_JOBS,
    ...API_JOBS,
    ...COMPOSE_JOBS,
  ].filter(isWanted)) {
    rows.push(await measure(job, berth, docker));
    say(table(rows.slice(-1)).split("\n").at(-1)!);
  }
  for (const rate of [...RATES, ...API_RATES].filter(isWanted)) {
    rates.push(await measureRate(rate, berth, docker));
    say(ratesTable(rates.slice(-1)).split("\n").at(-1)!);
  }
  listeners = await Promise.all(engines.map(idleListenersMegabytes));
  bare = summarize(await bareRunc(berth, 15));
  if (values.soak) {
    soaked = await soak(berth, 1000);
    flat = await flatness(berth, 300);
    say(JSON.stringify({ soaked, flat }, null, 2));
  }
}
say(`\n${outcome()}`);
if (values.save !== undefined) await save(values.save);

function isWanted({ name }: { readonly name: string }): boolean {
  return positionals.every((pattern) => new RegExp(pattern).test(name));
}

function outcome(): string {
  const tables = [
    ...(rows.length > 0 ? [table(rows)] : []),
    ...(rates.length > 0 ? [ratesTable(rates)] : []),
  ];
  return `${tables.join("\n\n")}\n\n${footnotes(bare)}`;
}

async function measureRate(
  rate: Rate,
  berth: BenchEngine,
  docker: BenchEngine | undefined,
): Promise<RateRow> {
  await using veth = rate.ofBareVeth === undefined ? undefined : await bareVeth();
  const [ours, theirs, bare]: number[][] = [[], [], []];
  for (let index = 0; index < rate.runs; index++) {
    ours!.push(await rate.measure(berth));
    if (docker !== undefined) theirs!.push(await rate.measure(docker));
    if (veth !== undefined) bare!.push(await veth.measure());
  }
  return {
    rate: rate.name,
    atLeast: rate.atLeast,
    berth: summarize(ours!),
    ...(docker === undefined ? {} : { docker: summarize(theirs!) }),
    ...(rate.ofBareVeth === undefined ? {} : { bare: summarize(bare!), ofBareVeth: rate.ofBareVeth }),
  };
}

async function measure(job: Job, berth: BenchEngine, docker: BenchEngine | undefined): Promise<Row> {
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let index = 0; index < job.runs; index++) {
    ours.push(await job.time(berth));
    if (docker !== undefined) theirs.push(await job.time(docker));
  }
  const sample = summarize(ours);
  const limits = job.limits === undefined ? {} : { limits: await job.limits() };
  const { name, atMost, atMostMs } = job;
  const row = {
    job: name,
    berth: sample,
    atMost,
    ...(atMostMs === undefined ? {} : { atMostMs }),
    ...limits,
  };
  if (docker === undefined) return row;
  const dockerSample = summarize(theirs);
  return { ...row, docker: dockerSample, ratio: sample.median / dockerSample.median };
}

function footnotes(floor: Sample): string {
  const lines = [
    `berth's daemon idles at ${resident} MB. A bare \`runc run\` of the same bundle takes ${floor.median.toFixed(1)} ms (${floor.min.toFixed(1)}–${floor.max.toFixed(1)}).`,
    `500 idle listeners of \`events\` cost it ${listeners[0]} MB${listeners[1] === undefined ? "" : `, Docker's ${listeners[1]} MB`}.`,
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
    rates,
    bareRuncMs: bare,
    idleMegabytes: resident,
    idleListenersMegabytes: listeners,
    soaked,
    flat,
  };
  writeFileSync(join(ROOT, "bench/results", `${name}.json`), `${JSON.stringify(result, null, 2)}\n`);
  const text = `# ${name}\n\n${machine}, ${result.date}. Medians with the range of the runs.\n\n${outcome()}\n`;
  writeFileSync(join(ROOT, "bench/results", `${name}.md`), text);
  say(`Kept in bench/results/${name}.json and .md`);
}
