import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createRequest } from "../../../src/compose/create/index.ts";
import { type Application, create, down, loadProject, up } from "../../../src/compose/index.ts";
import { Engine } from "../../../src/sdk/index.ts";
import type { ContainerCreateRequest, ContainerInspect } from "../../../src/wire/index.ts";
import { IMAGE, startEngine, type TestEngine } from "../../support/engine.ts";

/** Merged into a service with `<<: *base`: something that runs and that a stop ends at once. */
const BASE = `x-base: &base { image: "${IMAGE}", command: [sleep, "1000"], stop_signal: KILL }\n`;

/** The paths of the schema that some test proves. */
export const proved = new Set<string>();

/** A test of some attributes: paths of the schema, parted by blanks; those of a service without `services.*.`, others with a `/` before them. */
export function proves(paths: string, body: () => Promise<void> | void): void {
  const each = paths.trim().split(/\s+/);
  for (const path of each) proved.add(path.startsWith("/") ? path.slice(1) : `services.*.${path}`);
  test(each.join(" "), body, 60_000);
}

/** The engine of the tests, and a folder of their own. */
export let daemon: TestEngine;
export let engine: Engine;
export let folder: string;

export function withEngine(): void {
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "berth-attributes-"));
    daemon = await startEngine();
    engine = new Engine(daemon.host);
  }, 60_000);

  afterAll(async () => {
    await daemon?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  }, 60_000);
}

export interface Loaded {
  readonly app: Application;
  readonly warnings: string[];
  /** The first container of a service. */
  readonly inspect: (service: string) => Promise<ContainerInspect>;
  /** What a command prints in it. */
  readonly sh: (service: string, script: string) => Promise<string>;
}

export interface LoadedWith {
  readonly environment?: Record<string, string>;
  readonly profiles?: string[];
  readonly on?: Engine;
}

/** A project of its own in a folder of its own. */
export function load(name: string, yaml: string, options: LoadedWith = {}): Loaded {
  const directory = join(folder, name);
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "compose.yaml"), BASE + yaml);
  const warnings: string[] = [];
  const warn = (message: string) => void warnings.push(message);
  const project = loadProject({
    ...(/^name:/m.test(yaml) ? {} : { name }),
    workingDirectory: directory,
    environment: { HOME: folder, ...options.environment },
    warn,
    ...(options.profiles === undefined ? {} : { profiles: options.profiles }),
  });
  const app = { engine: options.on ?? engine, project, dryRun: false, report: { progress: () => {}, warn } };
  const nameOf = (service: string) => `${project.name}-${service}-1`;
  return {
    app,
    warnings,
    inspect: (service) => engine.containers.inspect(nameOf(service)),
    sh: (service, script) => sh(nameOf(service), script),
  };
}

/** What a command prints in a container that runs. */
export async function sh(container: string, script: string): Promise<string> {
  const { stdout, stderr, code } = await daemon.berth(["exec", container, "sh", "-c", script]);
  if (code !== 0) throw new Error(`${script}: ${stderr}${stdout}`);
  return stdout.trim();
}

/** A file in the tests' folder; the project `x` reads those of `x/`. */
export function write(path: string, text: string, mode = 0o644): void {
  const full = join(folder, path);
  mkdirSync(dirname(full), { recursive: true });
  writeFileSync(full, text, { mode });
}

/** Brings a project up, looks at it, and takes it down. */
export async function upped(loaded: Loaded, look: (loaded: Loaded) => Promise<void> | void): Promise<void> {
  try {
    await up(loaded.app);
    await look(loaded);
  } finally {
    await down(loaded.app, { volumes: true, removeOrphans: true, timeoutSeconds: 0 });
  }
}

/** Makes a project's containers without starting them, looks at them, and takes them down. */
export async function created(loaded: Loaded, look: (loaded: Loaded) => Promise<void> | void): Promise<void> {
  try {
    await create(loaded.app);
    await look(loaded);
  } finally {
    await down(loaded.app, { volumes: true, timeoutSeconds: 0 });
  }
}

/** Why a project is not brought up; nothing where it is. */
export async function refusal(name: string, yaml: string): Promise<string> {
  try {
    await upped(load(name, yaml), () => {});
    return "";
  } catch (error) {
    return (error as Error).message;
  }
}

/**
 * What the engine is asked for on behalf of `web`, for what depends on the machine: the engine does it, or it says that it
 * cannot.
 */
export async function asked(name: string, yaml: string): Promise<ContainerCreateRequest> {
  const { app } = load(name, yaml);
  const service = { ...app.project.services["web"]!, name: "web" };
  const container = `${name}-web-1`;
  const { request } = await createRequest({
    app,
    service,
    number: 1,
    name: container,
    hash: "",
    containersOf: () => [],
  });
  const why = await refusal(name, yaml);
  if (why !== "") expect(why.length).toBeGreaterThan(10);
  return request;
}

/** A project of the one service `web`. */
export const web = (lines: string, more = ""): string =>
  `services:\n  web:\n    <<: *base\n${lines.replace(/^/gm, "    ")}\n${more}`;
