import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { measureCoverage } from "./coverage.ts";
import { coveragePage, PAGE_PATH } from "./coverage-page.ts";
import { readReference } from "./reference.ts";

const reference = readReference();
const coverage = await measureCoverage(reference);

test("whatever of Docker's API is not served has a reason, and every reason is for something", () => {
  expect(coverage.unexplained).toEqual([]);
});

test("every operation outside swarm and plugins is served", () => {
  expect(coverage.operations.filter(({ served }) => !served)).toEqual([]);
  expect(coverage.operations.length).toBeGreaterThan(60);
});

test("those of a swarm and of plugins are answered in words", () => {
  const words = coverage.outside.filter(({ served }) => !served).map(({ name, answer }) => [name, answer]);
  expect(words.filter(([, answer]) => !/^(404|501|503) \S/.test(answer ?? ""))).toEqual([]);
  // Which is said of what nobody has thought of.
  expect(words.filter(([, answer]) => answer === "404 page not found")).toEqual([]);
  expect(Object.fromEntries(words)).toMatchObject({
    "GET /services": expect.stringMatching(/^503 This node is not a swarm manager\. Use "docker swarm init"/),
    "POST /swarm/leave": "503 This node is not part of a swarm",
  });
});

test("docs/api-coverage.md is up to date: npm run api-coverage", () => {
  expect(readFileSync(PAGE_PATH, "utf8")).toBe(coveragePage(coverage, reference.version));
});
