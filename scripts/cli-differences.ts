// Writes docs/cli-differences.md: npm run cli-differences
import { writeFileSync } from "node:fs";
import { differences } from "../test/command-line/differences.ts";
import { readDockerClient } from "../test/command-line/docker-client.ts";
import { differencesPage, PAGE_PATH } from "../test/command-line/page.ts";
import { reasonOf } from "../test/command-line/reasons.ts";
import { fail, say } from "./lib/shell.ts";

const docker = readDockerClient();
const found = await differences(docker);
const unexplained = found.filter((one) => reasonOf(one) === undefined);
if (unexplained.length > 0) {
  fail(
    `without a reason (test/command-line/reasons.ts):\n${unexplained.map((one) => JSON.stringify(one)).join("\n")}`,
  );
}
writeFileSync(PAGE_PATH, differencesPage(docker, found));
say(`Wrote ${PAGE_PATH}`);
