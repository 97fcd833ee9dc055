import { join } from "node:path";
import { CLIENT_PACKAGES } from "../../scripts/lib/client-packages.ts";
import { type Environment, programTests } from "./client-program.ts";
import type { TestEngine } from "./engine.ts";

/** The Node that comes with the clients, as the newest of them needs a newer one than many machines have. */
export const NODE = join(CLIENT_PACKAGES, "node_modules", ".bin", "node");

/** For one test of a program. */
const TEST_TIMEOUT_MS = 60_000;

/** `programTests` of a Node program in `test/clients/packages`: `node:test`, each test declared by `test("name", …)` on a line. */
export function nodeTests(program: string, engine: () => TestEngine, env?: Environment): void {
  const path = join(CLIENT_PACKAGES, program);
  const command = [NODE, "--test-reporter=tap", `--test-timeout=${TEST_TIMEOUT_MS}`, path];
  programTests({ path, command, declaration: /^test\("([^"]+)"/gm }, engine, env);
}
