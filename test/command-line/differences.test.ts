import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { differences } from "./differences.ts";
import { readDockerClient } from "./docker-client.ts";
import { differencesPage, PAGE_PATH } from "./page.ts";
import { REASONS, reasonOf } from "./reasons.ts";

const docker = readDockerClient();
const found = await differences(docker);

test("whatever differs from Docker's client has a reason", () => {
  expect(found.filter((one) => reasonOf(one) === undefined)).toEqual([]);
});

test("every reason is one for something", () => {
  const unused = REASONS.filter(
    ({ kind, name }) => !found.some((one) => one.kind === kind && name.test(one.name)),
  );
  expect(unused).toEqual([]);
});

test("docs/cli-differences.md is up to date: npm run cli-differences", () => {
  expect(readFileSync(PAGE_PATH, "utf8")).toBe(differencesPage(docker, found));
});
