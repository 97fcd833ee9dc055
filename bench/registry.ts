import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BenchEngine } from "./engines.ts";

const PORT = 5000;
/** Where each engine has the registry. */
export const REGISTRY = `127.0.0.1:${PORT}`;
const READY_ATTEMPTS = 400;

/** Both engines' registries keep everything here: what one pushes, the other pulls. */
let storage: string | undefined;
const ready = new Map<BenchEngine, Promise<void>>();

/**
 * Debian's docker-registry on the loopback of an engine's network namespace, which the other engine cannot reach; so each has
 * a process of its own, over the same files. They end with this process.
 */
export function registryOf(engine: BenchEngine): Promise<void> {
  const known = ready.get(engine) ?? start(engine);
  ready.set(engine, known);
  return known;
}

async function start(engine: BenchEngine): Promise<void> {
  if (storage === undefined) {
    const directory = mkdtempSync(join(tmpdir(), "berth-bench-registry-"));
    storage = directory;
    process.on("exit", () => rmSync(directory, { recursive: true, force: true }));
  }
  const config = join(storage, `${engine.name}.yml`);
  const http = { addr: REGISTRY };
  const files = { filesystem: { rootdirectory: join(storage, "data") }, delete: { enabled: true } };
  writeFileSync(config, JSON.stringify({ version: "0.1", log: { level: "error" }, storage: files, http }));
  const child = Bun.spawn(
    ["nsenter", "-t", String(engine.pid), "-n", "--", "docker-registry", "serve", config],
    {
      env: { PATH: process.env["PATH"] ?? "", OTEL_TRACES_EXPORTER: "none" },
      stdio: ["ignore", "ignore", "ignore"],
    },
  );
  child.unref();
  process.on("exit", () => child.kill("SIGKILL"));
  const ask = ["nsenter", "-t", String(engine.pid), "-n", "--", "ss", "-Hltn", `sport = :${PORT}`];
  for (let attempt = 0; attempt < READY_ATTEMPTS; attempt++) {
    if (Bun.spawnSync(ask).stdout.toString().includes(String(PORT))) return;
    await Bun.sleep(25);
  }
  throw new Error("docker-registry did not get ready");
}
