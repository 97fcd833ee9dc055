import { describe, expect, test } from "bun:test";
import type { Resources } from "../../wire/index.ts";
import { TEST_FACTS } from "../testing/spec-input.ts";
import { checkResources, parseCpuList } from "./check-resources.ts";

const MB = 1 << 20;
const lacking = (...names: (keyof typeof TEST_FACTS.limits)[]) => ({
  ...TEST_FACTS,
  limits: { ...TEST_FACTS.limits, ...Object.fromEntries(names.map((name) => [name, false])) },
});

describe("checkResources()", () => {
  test.each([
    [{ Memory: 5 * MB }, "Minimum memory limit allowed is 6MB"],
    [
      { Memory: 8 * MB, MemorySwap: 7 * MB },
      "Minimum memoryswap limit should be larger than memory limit, see usage",
    ],
    [{ MemorySwap: 7 * MB }, "You should always set the Memory limit when using Memoryswap limit, see usage"],
    [{ MemorySwappiness: 101 }, "Invalid value: 101, valid memory swappiness range is 0-100"],
    [{ MemoryReservation: MB }, "Minimum memory reservation allowed is 6MB"],
    [
      { Memory: 8 * MB, MemoryReservation: 9 * MB },
      "Minimum memory limit can not be less than memory reservation limit, see usage",
    ],
    [{ NanoCpus: 1e9, CpuPeriod: 1000 }, "Conflicting options: Nano CPUs and CPU Period cannot both be set"],
    [{ NanoCpus: 1e9, CpuQuota: 1000 }, "Conflicting options: Nano CPUs and CPU Quota cannot both be set"],
    [{ NanoCpus: 5e9 }, "range of CPUs is from 0.01 to 4.00, as there are only 4 CPUs available"],
    [{ NanoCpus: -1 }, "range of CPUs is from 0.01 to 4.00"],
    [{ CpuPeriod: 999 }, "CPU cfs period can not be less than 1ms"],
    [{ CpuQuota: 10 }, "CPU cfs quota can not be less than 1ms (i.e. 1000)"],
    [{ CpusetCpus: "0-x" }, "Invalid value 0-x for cpuset cpus"],
    [{ CpusetCpus: "7" }, "Requested CPUs are not available - requested 7, available: 0-3"],
    [{ CpusetMems: "1" }, "Requested memory nodes are not available - requested 1, available: 0"],
    [{ BlkioWeight: 5 }, "Range of blkio weight is from 10 to 1000"],
    [{ IOMaximumIOps: 1 }, "Invalid QoS settings: linux does not support"],
  ] as [Resources, string][])("refuses %p", (resources, message) => {
    expect(() => checkResources(resources, TEST_FACTS)).toThrow(message);
  });

  test("swap is twice the memory where nobody says otherwise", () => {
    expect(checkResources({ Memory: 8 * MB }, TEST_FACTS).resources.MemorySwap).toBe(16 * MB);
    expect(checkResources({ Memory: 8 * MB, MemorySwap: -1 }, TEST_FACTS).resources.MemorySwap).toBe(-1);
    expect(checkResources({ Memory: 8 * MB }, lacking("swap")).resources.MemorySwap).toBeUndefined();
  });

  test("what the kernel lacks is discarded with a warning", () => {
    const wanted: Resources = {
      Memory: 8 * MB,
      PidsLimit: 5,
      BlkioWeight: 10,
      CpuPercent: 5,
      OomKillDisable: true,
    };
    const facts = lacking("memory", "swap", "pids", "blkioWeight", "oomKillDisable");
    const { resources, warnings } = checkResources(wanted, facts);
    expect(resources).toMatchObject({ Memory: 0, PidsLimit: null, BlkioWeight: 0, OomKillDisable: null });
    expect(warnings).toContain(
      "Your kernel does not support memory limit capabilities or the cgroup is not mounted. Limitation discarded.",
    );
    expect(warnings.length).toBe(5);
    expect(checkResources({}, facts).warnings).toEqual([]);
  });

  test("an update may change swap alone", () => {
    expect(checkResources({ MemorySwap: 7 * MB }, TEST_FACTS, { update: true }).resources.MemorySwap).toBe(
      7 * MB,
    );
  });
});

test.each([
  ["", []],
  ["0-2,7", [0, 1, 2, 7]],
  ["3,3", [3]],
  ["2-1", undefined],
  ["0-99999", undefined],
  ["1-", undefined],
  ["-1", undefined],
])("parseCpuList(%p) is %p", (text, numbers) => {
  expect(parseCpuList(text)).toEqual(numbers && new Set(numbers));
});
