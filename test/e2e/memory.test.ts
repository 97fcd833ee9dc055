// What the daemon may take of the machine's memory, whatever the size of what goes through it.
import { expect, test } from "bun:test";
import { randomFillSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { FakeRegistry } from "../../src/distribution/testing.ts";
import { encodeHeader, padding, TAR_END } from "../../src/lib/index.ts";
import { IMAGE } from "../support/engine.ts";
import { useEngine } from "../support/suite.ts";

const { docker, inspect, engine } = useEngine();

const MIB = 1 << 20;
const LAYERS = 4;
const LAYER_BYTES = 80 * MIB;

/** A layer of which half compresses. */
function layer(name: string): Uint8Array {
  const content = Buffer.alloc(LAYER_BYTES, `${name} `);
  randomFillSync(content, 0, LAYER_BYTES / 2);
  const header = encodeHeader({ name, kind: "file", mode: 0o644, size: content.length });
  return Buffer.concat([header, content, padding(content.length), TAR_END]);
}

function peakMegabytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1]) / 1024;
}

test("pulling four large layers side by side takes less than 150 MB", async () => {
  await using registry = await FakeRegistry.start();
  const tars = Array.from({ length: LAYERS }, (_, i) => layer(`layer-${i}`));
  registry.addImage("large", "v1", tars, { compress: (tar) => gzipSync(tar, { level: 1 }) });
  await docker("pull", "-q", `${registry.host}/large:v1`);
  expect(peakMegabytes(engine().pid)).toBeLessThan(150);
  // Neither hashing nor inflating was done otherwise because the executable lacks the other threads' code.
  expect(engine().log()).not.toContain("digests are made on the main thread");
  expect(engine().log()).not.toContain("a thread that inflates failed");
});

test("how the daemon keeps its memory small is nothing that its children are told", async () => {
  const id = await docker("run", "-d", "--network", "none", IMAGE, "sleep", "100");
  const pid = await inspect(id, "{{.State.Pid}}");
  const monitor = /^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]!;
  expect(readFileSync(`/proc/${engine().pid}/environ`, "latin1")).toContain("BUN_JSC_");
  for (const child of [pid, monitor]) {
    expect(readFileSync(`/proc/${child}/environ`, "latin1")).not.toContain("BUN_JSC_");
  }
  expect(await docker("exec", id, "env")).not.toContain("BUN_JSC_");
  await docker("rm", "-f", id);
});
