// berth doctor on this very machine: with an engine, without one, as somebody who is not root.
import { expect, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import { EXECUTABLE } from "../../scripts/lib/shell.ts";
import { runCommand, startEngine } from "../support/engine.ts";
import { bePatient } from "../support/suite.ts";

bePatient();

interface Report {
  Checks: {
    ID: string;
    Area: string;
    Status: "ok" | "warn" | "fail" | "skip";
    Text: string;
    Mend: string[];
  }[];
  Summary: { Ok: number; Warnings: number; Failures: number; Skipped: number };
}

const statusOf = (report: Report, id: string) => report.Checks.find(({ ID }) => ID === id)?.Status;

test("finds what this machine has, which runs containers, and its engine", async () => {
  await using engine = await startEngine({ withoutImage: true });
  const { code, stdout, stderr } = await engine.berth(["doctor", "--format", "json"]);
  const report = JSON.parse(stdout) as Report;
  expect(stderr).toBe("");
  // The tests' own machine: what they need is there.
  for (const id of ["kernel.version", "kernel.namespaces", "kernel.overlayfs", "cgroups.controllers"])
    expect([id, statusOf(report, id)]).toEqual([id, "ok"]);
  for (const id of ["programs.runc", "programs.conmon", "programs.nftables"])
    expect([id, statusOf(report, id)]).not.toEqual([id, "fail"]);
  expect(statusOf(report, "engine.reached")).toBe("ok");
  expect(report.Checks.find(({ ID }) => ID === "engine.socket")?.Text).toContain(engine.socket);
  expect(report.Checks.find(({ ID }) => ID === "storage.file-system")?.Text).toContain(engine.root);
  expect(code).toBe(report.Summary.Failures > 0 ? 1 : 0);
  for (const { ID, Status, Mend } of report.Checks)
    if (Status === "warn" || Status === "fail") expect(Mend.length, ID).toBeGreaterThan(0);

  const yaml = parse((await engine.berth(["doctor", "--format", "yaml"])).stdout) as Report;
  expect(yaml.Checks.map(({ ID }) => ID)).toEqual(report.Checks.map(({ ID }) => ID));
  const template = await engine.berth(["doctor", "--format", "{{.Summary.Failures}}"]);
  expect(template.stdout).toBe(`${report.Summary.Failures}\n`);
  const quiet = (await engine.berth(["doctor", "--quiet"])).stdout;
  expect(quiet).not.toMatch(/^ {2}ok /m);
  expect((await engine.berth(["doctor"])).stdout).toMatch(/^ {2}ok {4}Linux \d/m);
});

test("needs no engine, starts none, and needs not be root", async () => {
  const folder = mkdtempSync(join(tmpdir(), "berth-doctor-"));
  try {
    chmodSync(folder, 0o755);
    const socket = join(folder, "none.sock");
    const env = { DOCKER_CONFIG: folder, DOCKER_HOST: `unix://${socket}` };
    const nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    for (const who of [[], nobody]) {
      const { stdout, stderr } = await runCommand([...who, EXECUTABLE, "doctor", "--format", "json"], {
        env,
      });
      expect(stderr).toBe("");
      const report = JSON.parse(stdout) as Report;
      expect(statusOf(report, "engine.reached")).toBe("warn");
      expect(statusOf(report, "kernel.version")).toBe("ok");
      expect(statusOf(report, "network.forward-policy") === "skip").toBe(who.length > 0);
    }
    expect(await Bun.file(socket).exists()).toBe(false);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
