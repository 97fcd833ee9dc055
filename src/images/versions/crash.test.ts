import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TestStore } from "../testing-store.ts";

// The machine may be busy with other tests; none of these is about time.
setDefaultTimeout(60_000);

/** Moves a name in a process of its own, which a fault point kills on the way. */
async function dieAt(point: string, root: string, operation: string): Promise<void> {
  const script = `
    import { TestStore } from ${JSON.stringify(join(import.meta.dir, "../testing-store.ts"))};
    import { chunksOf, file, tar } from ${JSON.stringify(join(import.meta.dir, "../testing.ts"))};
    const { images } = await TestStore.open(${JSON.stringify(root)}, "overlay");
    const make = (text) => images.import(chunksOf(tar(file(text))), { repository: text });
    ${operation}
    process.exit(7);`;
  const child = Bun.spawn([process.execPath, "-e", script], {
    env: { PATH: process.env["PATH"] ?? "", BERTH_FAULT_POINT: point },
    stdout: "ignore",
    stderr: "pipe",
  });
  const [code, errors] = await Promise.all([child.exited, new Response(child.stderr).text()]);
  if (point !== "" && child.signalCode !== "SIGKILL")
    throw new Error(`${point} was not reached: code ${code}: ${errors}`);
  if (point === "" && code !== 7) throw new Error(errors);
}

const OPERATIONS: Readonly<Record<string, string>> = {
  tag: `await images.tag("one", "app");`,
  removal: `await images.remove("two");`,
  rollback: `await images.versions.rollBack("moved");`,
};
const NAMES: Readonly<Record<string, string>> = { tag: "app", removal: "two", rollback: "moved" };

/** Where each of these names points, and where its versions say. */
async function state(store: TestStore, name: string): Promise<{ points: string; versions: string[] }> {
  const points = (() => {
    try {
      return store.images.resolve(name).id as string;
    } catch {
      return "";
    }
  })();
  const versions = await store.images.versions.list(name).catch(() => []);
  return { points, versions: versions.map(({ Image }) => Image) };
}

for (const [operation, script] of Object.entries(OPERATIONS)) {
  for (const point of ["name-moved", "version-recorded"]) {
    test(`killed at ${point} of a ${operation}: the name is where it was, and so its last version says`, async () => {
      const root = await mkdtemp(join(tmpdir(), "berth-versions-"));
      try {
        const prepare = `await make("one"); await make("two"); await images.tag("one", "moved"); await images.tag("two", "moved");`;
        await dieAt("", root, prepare);
        const name = NAMES[operation]!;
        let store = await TestStore.open(root, "overlay");
        const before = await state(store, name);
        await store.close();
        await dieAt(point, root, script);
        store = await TestStore.open(root, "overlay");
        expect(await state(store, name)).toEqual(before);
        await store.close();
        await dieAt("", root, script);
        store = await TestStore.open(root, "overlay");
        const after = await state(store, name);
        expect(after.points).not.toBe(before.points);
        expect(after.versions).toEqual([after.points, ...before.versions]);
        await store.close();
      } finally {
        await rm(root, { recursive: true, force: true });
      }
    });
  }
}

for (const [point, left] of [
  ["versions-forgotten", 3],
  ["versions-removed", 2],
] as const) {
  test(`killed at ${point}: a version and its image go together, or not at all`, async () => {
    const root = await mkdtemp(join(tmpdir(), "berth-versions-"));
    try {
      const move = ["one", "two", "three"].map(
        (text) => `await images.import(chunksOf(tar(file("${text}"))), { repository: "app" });`,
      );
      await dieAt("", root, `${move.join(" ")} await images.versions.settled();`);
      const limit = "images.versions.configure({ count: 2, ageMs: undefined });";
      await dieAt(point, root, `${limit} await images.versions.settled();`);
      const store = await TestStore.open(root, "overlay");
      expect(await store.images.versions.list("app")).toHaveLength(left);
      expect(await store.images.list({ all: true })).toHaveLength(left);
      store.images.versions.configure({ count: 2, ageMs: undefined });
      await store.images.versions.settled();
      const ids = new Set((await store.images.list({ all: true })).map(({ Id }) => Id));
      expect(ids.size).toBe(2);
      expect((await store.inventory()).filter((path) => path.startsWith("blobs/sha256/"))).toHaveLength(2);
      await store.close();
    } finally {
      await rm(root, { recursive: true, force: true });
    }
  });
}
