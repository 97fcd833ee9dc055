// A client on the engine's machine lets it read a file that it has open, instead of sending the bytes.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { closeSync, fstatSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { busyboxRootTar } from "../../scripts/lib/base-image.ts";
import { startEngine, type TestEngine } from "../support/engine.ts";
import { bePatient } from "../support/suite.ts";

bePatient();

let engine: TestEngine;
let folder: string;
let archive: string;

beforeAll(async () => {
  engine = await startEngine();
  folder = mkdtempSync(join(tmpdir(), "berth-offered-"));
  archive = join(folder, "root.tar");
  writeFileSync(archive, await busyboxRootTar());
});

afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await engine[Symbol.asyncDispose]();
});

function offerOf(fd: number): string {
  const { dev, ino } = fstatSync(fd, { bigint: true });
  return `${fd}:${dev}:${ino}`;
}

const importBy = (offer: string, name = "offered") =>
  engine.api("POST", `/images/create?fromSrc=-&repo=${name}`, undefined, { "X-Berth-Body-Fd": offer });

const layersOf = async (image: string) =>
  (await engine.docker(["inspect", "-f", "{{.RootFS.Layers}}", image])).stdout.trim();

test("import and load give the same as by the bytes", async () => {
  const fd = openSync(archive, "r");
  const response = await importBy(offerOf(fd));
  expect(response.status).toBe(200);
  expect(await response.text()).toContain("sha256:");
  closeSync(fd);
  await engine.docker(["import", archive, "sent"]);
  expect(await layersOf("offered")).toBe(await layersOf("sent"));

  const saved = join(folder, "saved.tar");
  await engine.docker(["save", "-o", saved, "sent"]);
  await engine.docker(["rmi", "sent", "offered"]);
  const savedFd = openSync(saved, "r");
  const headers = { "X-Berth-Body-Fd": offerOf(savedFd) };
  const loaded = await engine.api("POST", "/images/load?quiet=1", undefined, headers);
  closeSync(savedFd);
  expect(await loaded.text()).toContain("Loaded image: sent:latest");
});

describe("is refused, and the client told to send the bytes, for", () => {
  const expectRefused = async (offer: string, status = 409) => {
    const response = await importBy(offer, "refused");
    expect(response.status).toBe(status);
    expect((await engine.docker(["images", "-q", "refused"])).stdout).toBe("");
  };

  test("a descriptor that nobody has", async () => {
    const fd = openSync(archive, "r");
    const offer = offerOf(fd);
    closeSync(fd);
    await expectRefused(offer.replace(/^\d+/, "9999"));
  });

  test("another file than was meant", async () => {
    const fd = openSync(archive, "r");
    await expectRefused(offerOf(fd).replace(/\d+$/, "1"));
    closeSync(fd);
  });

  test("a file that the client cannot read itself", async () => {
    const fd = openSync(archive, "r+");
    const writeOnly = openSync(archive, "a");
    await expectRefused(offerOf(writeOnly));
    closeSync(fd);
    closeSync(writeOnly);
  });

  test("what is no file", async () => {
    const fd = openSync(folder, "r");
    await expectRefused(offerOf(fd));
    closeSync(fd);
    const device = openSync("/dev/zero", "r");
    await expectRefused(offerOf(device));
    closeSync(device);
  });

  test("what makes no sense", async () => {
    for (const offer of ["", "x", "1:2", "1:2:3:4", "-1:2:3", "../1:2:3"]) await expectRefused(offer, 400);
  });
});

test("is refused over TCP", async () => {
  const port = 20_000 + Math.floor(Math.random() * 10_000);
  await using other = await startEngine({ args: ["-H", `tcp://127.0.0.1:${port}`] });
  const fd = openSync(archive, "r");
  const response = await fetch(`http://127.0.0.1:${port}/images/create?fromSrc=-&repo=far`, {
    method: "POST",
    headers: { "X-Berth-Body-Fd": offerOf(fd) },
  });
  closeSync(fd);
  expect(response.status).toBe(409);
  expect((await other.docker(["images", "-q", "far"])).stdout).toBe("");
});
