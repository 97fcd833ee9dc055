import { expect, test } from "bun:test";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type CommandResult, runCommand, type TestEngine } from "./engine.ts";

/** A program of tests that drives an engine by a library of its own language. */
export interface ClientProgram {
  readonly path: string;
  readonly command: readonly string[];
  /** Finds the tests' names in its text, so that each can be a test here. */
  readonly declaration: RegExp;
}

/** Asked for when the engine is up. */
export type Environment = () => Promise<Record<string, string>> | Record<string, string>;

const PROGRAM_TIMEOUT_MS = 180_000;
/** Longer, as who is cut short here leaves the program behind; and images may have to be made first. */
const PATIENCE_MS = 600_000;

/**
 * Declares each test of the program as a test here. It runs once, as its users would run it, and reports in TAP
 * (testanything.org) on its output.
 * @param env beside DOCKER_HOST, DOCKER_CONFIG and TMPDIR.
 */
export function programTests(
  program: ClientProgram,
  engine: () => TestEngine,
  env: Environment = () => ({}),
): void {
  const names = [...readFileSync(program.path, "utf8").matchAll(program.declaration)].map(
    ([, name]) => name!,
  );
  let outcome: Promise<CommandResult> | undefined;
  for (const name of names) {
    test(
      name,
      async () => {
        outcome ??= run(program, engine(), env);
        const { stdout, stderr } = await outcome;
        const report = reportOf(name, stdout) ?? `${stdout}${stderr}`;
        if (!report.startsWith("ok ")) throw new Error(report);
      },
      PATIENCE_MS,
    );
  }
  test(
    "and nothing else went wrong",
    async () => {
      outcome ??= run(program, engine(), env);
      expect(await outcome).toMatchObject({ code: 0 });
    },
    PATIENCE_MS,
  );
}

async function run(program: ClientProgram, engine: TestEngine, env: Environment): Promise<CommandResult> {
  // Some libraries leave files behind.
  const temporary = join(engine.root, "tmp");
  mkdirSync(temporary, { recursive: true });
  return runCommand(program.command, {
    cwd: engine.root,
    env: {
      DOCKER_HOST: engine.host,
      DOCKER_CONFIG: join(engine.root, "config"),
      TMPDIR: temporary,
      ...(await env()),
    },
    timeoutMs: PROGRAM_TIMEOUT_MS,
  });
}

/** A test's line and its details in the program's report. */
function reportOf(name: string, tap: string): string | undefined {
  const lines = tap.split("\n");
  const start = lines.findIndex((line) => /^(not )?ok \d+ - /.test(line) && line.endsWith(` - ${name}`));
  if (start === -1) return undefined;
  const end = lines.indexOf("  ...", start);
  return lines.slice(start, end === -1 ? undefined : end).join("\n");
}
