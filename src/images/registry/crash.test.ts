import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { configFor, FakeRegistry, IMPATIENCE } from "../../distribution/testing.ts";
import { digestHex } from "../../lib/index.ts";
import { file, tar } from "../testing.ts";
import { TestStore } from "../testing-store.ts";

setDefaultTimeout(60_000);

const layers = [tar(file("a", "1")), tar(file("b", crypto.getRandomValues(new Uint8Array(65_536))))];

/** Pulls into a store in a process of its own that dies at a fault point. */
async function dieAt(point: string, root: string, driver: string, name: string): Promise<void> {
  const script = `
    import { TestStore } from ${JSON.stringify(join(import.meta.dir, "../testing-store.ts"))};
    const store = await TestStore.open(${JSON.stringify(root)}, ${JSON.stringify(driver)});
    await store.images.pull({ name: ${JSON.stringify(name)} }, undefined, () => {}, new AbortController().signal);
    process.exit(7);`;
  const child = Bun.spawn([process.execPath, "-e", script], {
    env: { PATH: process.env["PATH"] ?? "", BERTH_FAULT_POINT: point },
    stdout: "ignore",
    stderr: "pipe",
  });
  const [code, errors] = await Promise.all([child.exited, new Response(child.stderr).text()]);
  if (child.signalCode !== "SIGKILL") throw new Error(`${point} was not reached: code ${code}: ${errors}`);
}

const POINTS: Record<string, string[]> = {
  erofs: [
    "layer-index-durable",
    "blob-synced",
    "blob-renamed",
    "layer-durable",
    "layer-form-durable",
    "image-recorded",
  ],
  overlay: ["layer-synced", "blob-renamed", "layer-durable", "layer-form-durable", "image-recorded"],
};

for (const [driver, points] of Object.entries(POINTS)) {
  describe(`killed in a pull (${driver})`, () => {
    test.each(points)("at %s: the whole image or none, and the next pull brings the rest", async (point) => {
      const root = await mkdtemp(join(tmpdir(), "berth-pull-crash-"));
      try {
        await using registry = await FakeRegistry.start();
        const image = registry.addImage("app", "v1", layers);
        const name = `${registry.host}/app:v1`;
        await dieAt(point, root, driver, name);
        registry.asked.length = 0;
        const options = { registries: configFor(), patience: IMPATIENCE };
        const store = await TestStore.open(root, driver as "erofs", options);
        const found = (await store.images.list({ all: true })).map(({ Id }) => Id);
        expect(found).toEqual(point === "image-recorded" ? [image.config] : []);
        const whole = (await store.inventory()).filter((path) => path.startsWith("blobs/sha256/"));
        if (found.length === 0) expect(whole).toEqual([]);
        await store.images.pull({ name }, undefined, () => {}, new AbortController().signal);
        expect((await store.images.inspect(name)).Id).toBe(image.config);
        // What had come is not brought again, or only what of it had not reached the disk.
        const again = registry.asked.filter(({ path }) =>
          image.layers.some((digest) => path.endsWith(digest)),
        );
        expect(again.length).toBeLessThan(image.layers.length + 1);
        if (point === "image-recorded") expect(again).toEqual([]);
        await store.images.push({ name }, undefined, () => {}, new AbortController().signal);
        expect((await store.images.inspect(name)).RepoDigests).toEqual([
          `${registry.host}/app@${image.manifest}`,
        ]);
        await store.images.remove(name);
        const left = (await store.inventory()).filter(
          (path) => /[0-9a-f]{64}/.test(path) && !path.startsWith("trash/"),
        );
        expect(left).toEqual([]);
        await store.close();
      } finally {
        await rm(root, { recursive: true, force: true });
      }
    });
  });
}

test("prune removes what came of pulls that were given up", async () => {
  await using registry = await FakeRegistry.start();
  await using store = await TestStore.create(undefined, {
    registries: configFor({ maxAttempts: 1 }),
    patience: IMPATIENCE,
  });
  const { layers: digests } = registry.addImage("app", "v1", layers);
  registry.misbehave = (request, response) => {
    if (!request.url?.endsWith(digests[1]!)) return false;
    const blob = registry.blobs.get(digests[1]!)!;
    response.writeHead(200, { "Content-Length": blob.length });
    response.write(blob.subarray(0, 20_000));
    return true;
  };
  const name = `${registry.host}/app:v1`;
  const { signal } = new AbortController();
  await expect(store.images.pull({ name }, undefined, () => {}, signal)).rejects.toThrow();
  const partial = () =>
    store.inventory().then((paths) => paths.filter((path) => path.includes(digestHex(digests[1]!))));
  expect((await partial()).length).toBe(1);
  expect((await store.images.prune()).SpaceReclaimed).toBeGreaterThan(0);
  expect(await partial()).toEqual([]);
});
