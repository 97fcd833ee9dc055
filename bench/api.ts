import { connect, type Socket } from "node:net";
import { mustRun } from "../scripts/lib/shell.ts";
import { type BenchEngine, inNamespaceOf, TCP_PORT } from "./engines.ts";
import { IMAGE, type Job } from "./jobs.ts";
import { residentMegabytes, timeMs } from "./measure.ts";
import type { Rate } from "./networks.ts";

const CONTAINERS = 100;
const SECONDS = 10;
const LISTENERS = 500;

/** What a person waits for who only looks: from the client's start to its end. */
export const API_JOBS: readonly Job[] = [
  {
    name: `ps, ${CONTAINERS} containers`,
    runs: 20,
    atMost: 0.6,
    async time(engine) {
      await manyContainers(engine);
      return timeMs(() => engine.client("ps"));
    },
  },
  { name: "images", runs: 20, atMost: 0.6, time: (engine) => timeMs(() => engine.client("images")) },
  {
    name: "inspect of a container",
    runs: 20,
    atMost: 0.6,
    async time(engine) {
      await manyContainers(engine);
      return timeMs(() => engine.client("inspect", "many-1"));
    },
  },
];

export const API_RATES: readonly Rate[] = [
  {
    name: `GET /containers/json of ${CONTAINERS} containers, a second`,
    runs: 3,
    atLeast: 3,
    async measure(engine) {
      await manyContainers(engine);
      const url = `http://127.0.0.1:${TCP_PORT}/v1.41/containers/json`;
      const report = await mustRun(inNamespaceOf(engine.pid, "wrk", "-t1", "-c8", `-d${SECONDS}s`, url));
      if (/Non-2xx|Socket errors/.test(report)) throw new Error(report);
      return Number(/Requests\/sec: +([\d.]+)/.exec(report)?.[1]);
    },
  },
];

/** What the daemon grows by, in MB, while so many clients wait for events. */
export async function idleListenersMegabytes(engine: BenchEngine): Promise<number> {
  const before = residentMegabytes(engine.pid);
  const sockets = await Promise.all(Array.from({ length: LISTENERS }, () => listen(engine.socket)));
  try {
    return residentMegabytes(engine.pid) - before;
  } finally {
    for (const socket of sockets) socket.destroy();
  }
}

/** Resolves with the head of the answer. */
function listen(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path, () => socket.write("GET /v1.41/events HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    socket.once("data", () => resolve(socket)).once("error", reject);
  });
}

const made = new Map<BenchEngine, Promise<void>>();

function manyContainers(engine: BenchEngine): Promise<void> {
  const making = made.get(engine) ?? makeContainers(engine);
  made.set(engine, making);
  return making;
}

async function makeContainers(engine: BenchEngine): Promise<void> {
  for (let index = 1; index <= CONTAINERS; index++)
    await engine.client(
      "run",
      "-d",
      "--name",
      `many-${index}`,
      "-l",
      `number=${index}`,
      IMAGE,
      "sleep",
      "100000",
    );
}
