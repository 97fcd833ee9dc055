// Writes docs/api-coverage.md: npm run api-coverage
import { writeFileSync } from "node:fs";
import { measureCoverage } from "../test/api/coverage.ts";
import { coveragePage, PAGE_PATH } from "../test/api/coverage-page.ts";
import { readReference } from "../test/api/reference.ts";
import { fail, say } from "./lib/shell.ts";

const reference = readReference();
const coverage = await measureCoverage(reference);
if (coverage.unexplained.length > 0) {
  fail(
    `without a reason, or with one for nothing (test/api/unserved.ts):\n${coverage.unexplained.join("\n")}`,
  );
}
writeFileSync(PAGE_PATH, coveragePage(coverage, reference.version));
say(`Wrote ${PAGE_PATH}`);
