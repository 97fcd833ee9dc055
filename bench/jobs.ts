import type { BenchEngine } from "./engines.ts";
import { type Sample, timeMs } from "./measure.ts";

export const IMAGE = "bench:latest";

/** Something users do, timed on each engine in turn. */
export interface Job {
  readonly name: string;
  /** How many times it is repeated on each engine. */
  readonly runs: number;
  /** berth's time divided by Docker's is to be at most this. */
  readonly atMost: number;
  /** And berth's median is to be at most so many milliseconds. */
  readonly atMostMs?: number;
  /** Prepares and times one run, in milliseconds. */
  time(engine: BenchEngine): Promise<number>;
  /** What the same takes by bare programs, by their names: what is not to be had faster in the usual way. */
  limits?(): Promise<Readonly<Record<string, Sample>>>;
}

/** Lines of 100 bytes, some 300 MB of them. */
const WRITE_300_MB =
  "yes 0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789 | head -c 300000000";

const simple = (name: string, atMost: number, runs: number, ...args: string[]): Job => ({
  name,
  runs,
  atMost,
  time: (engine) => timeMs(() => engine.client(...args)),
});

export const JOBS: readonly Job[] = [
  simple("run --rm true (bridge)", 0.2, 15, "run", "--rm", IMAGE, "true"),
  simple("run --rm --network none", 0.2, 15, "run", "--rm", "--network", "none", IMAGE, "true"),
  simple("ps", 0.6, 20, "ps"),
  simple("version", 0.6, 20, "version"),
  {
    name: "exec true",
    runs: 15,
    atMost: 0.4,
    time: (engine) => withRunning(engine, (id) => timeMs(() => engine.client("exec", id, "true"))),
  },
  {
    name: "rm -f of a running container",
    runs: 10,
    atMost: 0.4,
    time: (engine) => withRunning(engine, (id) => timeMs(() => engine.client("rm", "-f", id))),
  },
  {
    name: "20 × run --rm at once",
    runs: 5,
    atMost: 0.17,
    time: (engine) =>
      timeMs(() =>
        Promise.all(Array.from({ length: 20 }, () => engine.client("run", "--rm", IMAGE, "true"))),
      ),
  },
  {
    name: "logs of 200,000 lines",
    runs: 5,
    atMost: 0.3,
    async time(engine) {
      const id = await containerWithLines(engine);
      return timeMs(() => readToNull(engine.command("logs", id)));
    },
  },
  {
    name: "300 MB of lines, until kept",
    runs: 3,
    atMost: 0.3,
    async time(engine) {
      const id = (await engine.client("create", "--network", "none", IMAGE, "sh", "-c", WRITE_300_MB)).trim();
      const elapsed = await timeMs(async () => {
        await engine.client("start", id);
        await engine.client("wait", id);
      });
      await engine.client("rm", id);
      return elapsed;
    },
  },
];

async function withRunning(engine: BenchEngine, work: (id: string) => Promise<number>): Promise<number> {
  const id = (await engine.client("run", "-d", IMAGE, "sleep", "1000")).trim();
  try {
    return await work(id);
  } finally {
    await engine.client("rm", "-f", id).catch(() => undefined);
  }
}

const linesOf = new Map<BenchEngine, string>();

/** One container an engine that has printed 200,000 lines. */
async function containerWithLines(engine: BenchEngine): Promise<string> {
  const known = linesOf.get(engine);
  if (known !== undefined) return known;
  const print = "yes 'one of the two hundred thousand lines that this container prints' | head -n 200000";
  const id = (await engine.client("run", "-d", "--network", "none", IMAGE, "sh", "-c", print)).trim();
  await engine.client("wait", id);
  linesOf.set(engine, id);
  return id;
}

async function readToNull(command: string[]): Promise<void> {
  const child = Bun.spawn(command, { stdin: "ignore", stdout: Bun.file("/dev/null"), stderr: "ignore" });
  if ((await child.exited) !== 0) throw new Error(`${command.join(" ")} failed`);
}
