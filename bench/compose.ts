import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "../scripts/lib/shell.ts";
import type { BenchEngine } from "./engines.ts";
import { IMAGE, type Job } from "./jobs.ts";
import { timeMs } from "./measure.ts";

const SERVICES = 10;
const SERVICES_OF_LARGE = 50;

/** An application of many containers, each engine's by the program that its users type. */
export const COMPOSE_JOBS: readonly Job[] = [
  {
    name: `compose up -d, ${SERVICES} services`,
    runs: 5,
    atMost: 0.2,
    async time(engine) {
      await compose(engine, "down", "-t", "0");
      return timeMs(() => compose(engine, "up", "-d"));
    },
  },
  {
    name: "compose up -d again, nothing changed",
    runs: 10,
    atMost: 0.1,
    async time(engine) {
      await compose(engine, "up", "-d");
      return timeMs(() => compose(engine, "up", "-d"));
    },
  },
  {
    name: `compose down, ${SERVICES} services`,
    runs: 5,
    atMost: 0.3,
    async time(engine) {
      await compose(engine, "up", "-d");
      return timeMs(() => compose(engine, "down", "-t", "0"));
    },
  },
  {
    name: `compose config, ${SERVICES_OF_LARGE} services`,
    runs: 15,
    atMost: 0.1,
    atMostMs: 30,
    time: (engine) => timeMs(() => composeOf(engine, largeFile(engine), "config")),
  },
];

const compose = (engine: BenchEngine, ...args: string[]) => composeOf(engine, smallFile(engine), ...args);

async function composeOf(engine: BenchEngine, file: string, ...args: string[]): Promise<void> {
  const program =
    engine.name === "berth"
      ? engine.command("compose")
      : [...engine.command().slice(0, -1), "docker-compose"];
  const { code, stderr } = await run([...program, "-f", file, ...args]);
  if (code !== 0) throw new Error(`compose ${args.join(" ")} on ${engine.name} failed (${code}): ${stderr}`);
}

function smallFile(engine: BenchEngine): string {
  const services = Array.from(
    { length: SERVICES },
    (_, index) => `  service${index}:\n    image: ${IMAGE}\n    command: sleep 100000\n`,
  );
  return write(engine, "ten", services);
}

function largeFile(engine: BenchEngine): string {
  const services = Array.from({ length: SERVICES_OF_LARGE }, (_, index) =>
    [
      `  service${index}:`,
      `    image: registry.example/team/service${index}:1.${index}`,
      "    restart: unless-stopped",
      "    environment:",
      "      LEVEL: ${LEVEL:-info}",
      `      NUMBER: "${index}"`,
      `    ports: ["${8000 + index}:80"]`,
      `    volumes: ["data${index}:/data", "./etc:/etc/service:ro"]`,
      ...(index === 0 ? [] : [`    depends_on: [service${index - 1}]`]),
      "    healthcheck:",
      `      test: ["CMD", "wget", "-qO-", "http://localhost/health"]`,
      "      interval: 10s",
      "",
    ].join("\n"),
  );
  const volumes = Array.from({ length: SERVICES_OF_LARGE }, (_, index) => `  data${index}: {}\n`);
  return write(engine, "fifty", services, `volumes:\n${volumes.join("")}`);
}

const written = new Set<string>();

function write(engine: BenchEngine, project: string, services: readonly string[], more = ""): string {
  const directory = join(engine.root, project);
  const path = join(directory, "docker-compose.yml");
  if (written.has(path)) return path;
  mkdirSync(directory, { recursive: true });
  writeFileSync(path, `version: "3.8"\nservices:\n${services.join("")}${more}`);
  written.add(path);
  return path;
}
