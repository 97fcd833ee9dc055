// Everything that must hold, in the order in which failures are cheapest to see. A pattern as argument runs
// only the test files whose path contains it: `npm test -- cp`.
import { sweepStaleNetworks } from "../test/support/stale-networks.ts";
import { drivesPackagedClients, installClientPackages } from "./lib/client-packages.ts";
import { forgetOwnSettings } from "./lib/environment.ts";
import { buildIfStale } from "./lib/executable.ts";
import { buildPackageIfStale } from "./lib/library/package.ts";
import { installPackages, TEST_PACKAGES } from "./lib/packages.ts";
import { BUN, ROOT, run, say } from "./lib/shell.ts";
import { type FileResult, runTestFiles } from "./lib/test-pool.ts";

/** End-to-end tests mostly wait for containers, so a few more of them than there are cores go side by side. */
const WIDTH = 3;

const pattern = process.argv[2];
let passed = 0;
let failed = 0;
let skipped = 0;

function find(glob: string): string[] {
  const files = [...new Bun.Glob(glob).scanSync({ cwd: ROOT })]
    .filter((file) => !file.includes("node_modules/"))
    .sort();
  return pattern === undefined ? files : files.filter((file) => file.includes(pattern));
}

async function check(name: string, command: string[]): Promise<void> {
  const ran = await run(command);
  say(`${ran.code === 0 ? "ok  " : "FAIL"} ${name}`);
  if (ran.code === 0) passed += 1;
  else {
    failed += 1;
    say(ran.stdout + ran.stderr);
  }
}

function report(result: FileResult): void {
  passed += result.passed;
  failed += result.failed;
  skipped += result.skipped;
  say(
    `${result.failed === 0 ? "ok  " : "FAIL"} ${result.file} (${result.passed} passed, ${result.seconds.toFixed(1)} s)`,
  );
  if (result.failed > 0) say(result.output);
}

forgetOwnSettings();
await installPackages(TEST_PACKAGES);
const endToEnd = find("test/{api,e2e,clients,library,compose}/**/*.test.ts");
// The network is waited for while other tests run.
const clients = endToEnd.some(drivesPackagedClients) ? installClientPackages() : undefined;
if (pattern === undefined) {
  await Promise.all([
    check("formatting and lint", [BUN, "x", "biome", "ci", "--colors=off", "."]),
    check("types", [BUN, "x", "tsc", "--noEmit"]),
  ]);
}
await runTestFiles(find("{test/architecture,test/command-line,scripts}/**/*.test.ts"), WIDTH, report);
await runTestFiles(find("src/**/*.test.ts"), WIDTH, report);
if (endToEnd.length > 0) {
  const swept = await sweepStaleNetworks();
  if (swept.length > 0) say(`Took away what a test that was killed had left: ${swept.join(", ")}`);
  await buildIfStale();
  if (endToEnd.some((file) => file.startsWith("test/library/"))) await buildPackageIfStale();
  await clients;
  await runTestFiles(endToEnd, WIDTH, report);
}
say(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
process.exit(failed === 0 ? 0 : 1);
