import { afterAll, beforeAll, expect, setDefaultTimeout } from "bun:test";
import {
  type CommandOptions,
  type CommandResult,
  type StartOptions,
  startEngine,
  type TestEngine,
} from "./engine.ts";

/** What a file of tests that share one engine works with. */
export interface Suite {
  engine(): TestEngine;
  /** Runs the real docker client, expects success, and gives its output without the last newline. */
  docker(...args: string[]): Promise<string>;
  /** Runs the real docker client whatever comes of it. */
  dockerResult(args: string[], options?: CommandOptions): Promise<CommandResult>;
  /** The client's `--format` of one container. */
  inspect(container: string, format: string): Promise<string>;
  readonly eventually: typeof eventually;
}

const EVENTUALLY_ATTEMPTS = 200;
const EVENTUALLY_PAUSE_MS = 50;

/** Probes, a bounded number of times, until the outcome is the expected one; then asserts it. */
export async function eventually(probe: () => Promise<unknown>, expected: unknown): Promise<void> {
  for (let attempt = 1; attempt < EVENTUALLY_ATTEMPTS; attempt++) {
    if (Bun.deepEquals(await probe(), expected)) return;
    await Bun.sleep(EVENTUALLY_PAUSE_MS);
  }
  expect(await probe()).toEqual(expected);
}

/** Longer than any of these tests takes: who cuts one short leaves an engine behind. */
const PATIENCE_MS = 120_000;

/** For the top of each file of tests that start engines: Bun's own five seconds are few, and come back with every file. */
export function bePatient(): void {
  setDefaultTimeout(PATIENCE_MS);
}

/** Starts an engine before the file's first test and disposes of it after the last. */
export function useEngine(options: StartOptions = {}): Suite {
  bePatient();
  let engine: TestEngine;
  beforeAll(async () => {
    engine = await startEngine(options);
  });
  afterAll(async () => {
    await engine[Symbol.asyncDispose]();
  });
  const docker = async (...args: string[]) => {
    const result = await engine.docker(args);
    expect(result, `docker ${args.join(" ")}`).toMatchObject({ code: 0 });
    return result.stdout.replace(/\n$/, "");
  };
  return {
    engine: () => engine,
    docker,
    dockerResult: (args, commandOptions) => engine.docker(args, commandOptions),
    inspect: (container, format) => docker("inspect", "--format", format, container),
    eventually,
  };
}
