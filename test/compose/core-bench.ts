import {
  type Application,
  down,
  loadProject,
  type Progress,
  readState,
  type ServiceContainer,
} from "../../src/compose/index.ts";
import { Engine } from "../../src/sdk/index.ts";
import { IMAGE, type TestEngine } from "../support/engine.ts";

/** A service that runs until it is stopped, and then ends at once. */
export const BASE = `image: "${IMAGE}", command: [sleep, "1000"], stop_signal: KILL`;

/** A project on a test's engine, and what its operations say and ask. */
export interface Bench {
  readonly app: Application;
  readonly engine: Engine;
  readonly progress: Progress[];
  readonly warnings: string[];
  /** Requests so far, as `GET /containers/json`. */
  readonly calls: string[];
  /** `shop-web-1 Started` of every end that was told. */
  told(): string[];
  /** Container ids by their names. */
  ids(): Promise<Record<string, string>>;
  containers(): Promise<readonly ServiceContainer[]>;
}

export interface BenchOptions {
  readonly dryRun?: boolean;
  readonly signal?: AbortSignal;
  readonly environment?: Record<string, string>;
}

/** @param yaml below `name: shop`. */
export function bench(daemon: TestEngine, yaml: string, options: BenchOptions = {}): Bench {
  const calls: string[] = [];
  const trace = (line: string) => {
    const [, call] = /^((?:GET|POST|PUT|DELETE) \S+)/.exec(line) ?? [];
    if (call !== undefined) calls.push(call.replace(/\/v[\d.]+/, "").replace(/\?.*/, ""));
  };
  const engine = new Engine(daemon.host, { trace });
  const text = `name: shop\n${yaml}`;
  const project = loadProject({
    files: ["/shop/compose.yaml"],
    directory: "/shop",
    environment: options.environment ?? {},
    reading: { read: () => text, has: (path) => path.endsWith("compose.yaml"), readStdin: () => "" },
  });
  const progress: Progress[] = [];
  const warnings: string[] = [];
  const report = {
    progress: (one: Progress) => progress.push(one),
    warn: (one: string) => warnings.push(one),
  };
  const app: Application = {
    engine,
    project,
    report,
    dryRun: options.dryRun === true,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  };
  const containers = async () => (await readState(engine, "shop", { oneOff: true })).containers;
  return {
    app,
    engine,
    progress,
    warnings,
    calls,
    containers,
    told: () =>
      progress
        .filter(({ status }) => status !== "working")
        .map(({ id, text: said }) => `${id.replace("Container ", "")} ${said}`),
    ids: async () => Object.fromEntries((await containers()).map(({ name, id }) => [name, id])),
  };
}

/** All of the project goes, whatever state a test has left it in. */
export async function cleanUp(daemon: TestEngine): Promise<void> {
  const { app, engine } = bench(daemon, `services: { x: { ${BASE} } }\n`);
  const { containers } = await readState(engine, "shop", { oneOff: true });
  await Promise.all(containers.map(({ id }) => engine.containers.remove(id, { force: true, volumes: true })));
  const { networks, volumes } = await readState(engine, "shop");
  await Promise.all(networks.map(({ Id }) => engine.networks.remove(Id)));
  await Promise.all(volumes.map(({ Name }) => engine.volumes.remove(Name, { force: true })));
  await down(app);
}
