import { expect, test } from "bun:test";
import {
  DEFAULT_CAPABILITIES,
  normalizeCapabilities,
  processCapabilities,
  resolveCapabilities,
} from "./capabilities.ts";

const names = [...DEFAULT_CAPABILITIES, "CAP_NET_ADMIN", "CAP_SYS_RESOURCE"];
const known = { names, available: new Set(names.filter((name) => name !== "CAP_SYS_RESOURCE")) };

test("the default is Docker's fourteen", () => {
  expect(resolveCapabilities({}, known)).toEqual([...DEFAULT_CAPABILITIES]);
  expect(DEFAULT_CAPABILITIES.length).toBe(14);
});

test.each([
  [{ add: ["net_admin"] }, [...DEFAULT_CAPABILITIES, "CAP_NET_ADMIN"]],
  [{ add: ["CAP_Chown"] }, [...DEFAULT_CAPABILITIES]],
  [{ drop: ["ALL"], add: ["cap_net_admin"] }, ["CAP_NET_ADMIN"]],
  [{ drop: ["all"] }, []],
  [{ add: ["ALL"], drop: ["NET_ADMIN"] }, [...DEFAULT_CAPABILITIES]],
  [{ add: ["all"] }, [...known.available]],
  [{ privileged: true, drop: ["ALL"] }, [...known.available]],
  [{ drop: DEFAULT_CAPABILITIES.slice(1) }, ["CAP_CHOWN"]],
])("%p gives %p", (wishes, expected) => {
  expect(resolveCapabilities(wishes, known)).toEqual(expected);
});

test("names that nobody knows, and rights that the daemon lacks, are refused in Docker's words", () => {
  expect(() => normalizeCapabilities(["fly"], known)).toThrow('unknown capability: "CAP_FLY"');
  expect(() => normalizeCapabilities(["SYS_RESOURCE"], known)).toThrow(
    'capability not supported by your kernel or not available in the current environment: "CAP_SYS_RESOURCE"',
  );
});

test("nothing is inheritable or ambient (CVE-2022-29162)", () => {
  const set = processCapabilities(["CAP_CHOWN"]);
  expect(set).toEqual({
    bounding: ["CAP_CHOWN"],
    effective: ["CAP_CHOWN"],
    permitted: ["CAP_CHOWN"],
    inheritable: [],
    ambient: [],
  });
});
