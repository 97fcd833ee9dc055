import { expect, test } from "bun:test";
import type { ImageInspect } from "../../wire/index.ts";
import { matchesPlatform, parsePlatform } from "./platforms.ts";
import { policyFor, pullPolicy, whyPull } from "./policy.ts";

const HOUR_MS = 3600 * 1000;
const image = (taggedMsAgo: number, now: number) =>
  ({ Metadata: { LastTagTime: new Date(now - taggedMsAgo).toISOString() } }) as ImageInspect;

test("pull policies say when an image is fetched", () => {
  const now = Date.UTC(2026, 0, 2);
  const table: [policy: string | undefined, missing: boolean, old: boolean, fresh: boolean][] = [
    [undefined, true, false, false],
    ["missing", true, false, false],
    ["if_not_present", true, false, false],
    ["always", true, true, true],
    ["never", false, false, false],
    ["build", false, false, false],
    ["daily", true, true, false],
    ["every_2h30m", true, true, false],
    ["weekly", true, false, false],
    ["every_8d", true, false, false],
  ];
  for (const [text, missing, old, fresh] of table) {
    const policy = pullPolicy(text);
    expect(whyPull(policy, undefined, now) !== undefined, `${text}, missing`).toBe(missing);
    expect(whyPull(policy, image(25 * HOUR_MS, now), now) !== undefined, `${text}, old`).toBe(old);
    expect(whyPull(policy, image(2 * HOUR_MS, now), now) !== undefined, `${text}, fresh`).toBe(fresh);
  }
});

test("an image that does not say when it got its name is old", () => {
  const unknown = { Metadata: {} } as ImageInspect;
  expect(whyPull(pullPolicy("weekly"), unknown)).toContain("older");
  const never = { Metadata: { LastTagTime: "0001-01-01T00:00:00Z" } } as ImageInspect;
  expect(whyPull(pullPolicy("weekly"), never)).toContain("older");
});

test("--build wins over --pull, and both over the service", () => {
  const built = { name: "a", build: { context: "." }, pull_policy: "never" };
  const named = { name: "b", image: "b", pull_policy: "never" };
  expect(policyFor(built, { build: true, pull: "always" })).toEqual({ kind: "build" });
  expect(policyFor(named, { build: true, pull: "always" })).toEqual({ kind: "always" });
  expect(policyFor(named, { pull: "policy" })).toEqual({ kind: "never" });
  expect(policyFor(named, {})).toEqual({ kind: "never" });
});

test("platforms are compared as people mean them", () => {
  const fits = (one: string, wanted: string) => matchesPlatform(parsePlatform(one), parsePlatform(wanted));
  expect(fits("linux/amd64", "linux/amd64")).toBe(true);
  expect(fits("linux/amd64", "linux/x86_64")).toBe(true);
  expect(fits("linux/amd64", "amd64")).toBe(true);
  expect(fits("linux/amd64", "linux")).toBe(true);
  expect(fits("linux/arm64", "linux/arm64/v8")).toBe(true);
  expect(fits("linux/arm64/v8", "linux/aarch64")).toBe(true);
  expect(fits("linux/arm/v6", "linux/arm/v7")).toBe(false);
  expect(fits("linux/amd64", "linux/arm64")).toBe(false);
  expect(fits("windows/amd64", "linux/amd64")).toBe(false);
});
