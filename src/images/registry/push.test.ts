import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { zstdCompressSync } from "node:zlib";
import { DOCKER_MANIFEST, OCI_MANIFEST } from "../../distribution/index.ts";
import { configFor, FakeRegistry, IMPATIENCE, refuse } from "../../distribution/testing.ts";
import { decompress, digestOf } from "../../lib/index.ts";
import type { JsonMessage } from "../../wire/index.ts";
import { chunksOf, file, tar } from "../testing.ts";
import { TestStore } from "../testing-store.ts";

setDefaultTimeout(60_000);

const NEVER = new AbortController().signal;
const base = tar(file("base", "the same in all images"));
const noise = Buffer.from(crypto.getRandomValues(new Uint8Array(65_536)));
/** 3 MiB that don't compress. */
const large = tar(
  file(
    "large",
    Buffer.concat(Array.from({ length: 48 }, (_, i) => Buffer.concat([Buffer.from([i]), noise]))),
  ),
);

async function withStore(work: (registry: FakeRegistry, store: TestStore) => Promise<void>): Promise<void> {
  await using registry = await FakeRegistry.start();
  await using store = await TestStore.create(undefined, { registries: configFor(), patience: IMPATIENCE });
  await work(registry, store);
}

async function push({ images }: TestStore, name: string, tag?: string): Promise<JsonMessage[]> {
  const messages: JsonMessage[] = [];
  await images.push({ name, tag }, undefined, (message) => messages.push(message), NEVER);
  return messages;
}

const pull = ({ images }: TestStore, name: string) => images.pull({ name }, undefined, () => {}, NEVER);

const texts = (messages: JsonMessage[]) =>
  messages
    .filter(({ progressDetail, status }) => progressDetail?.current === undefined && status !== undefined)
    .map(({ id, status }) => (id === undefined ? status : `${id}: ${status}`));

describe("push", () => {
  test("an image that was made here: its layers are compressed, and the registry has what it says", async () => {
    await withStore(async (registry, store) => {
      const name = `${registry.host}/team/app`;
      const id = await store.images.import(chunksOf(large), { repository: name, tag: "v1" });
      const layer = digestOf(large).slice(7, 19);
      const messages = await push(store, name, "v1");
      const { type, bytes } = registry.manifests.get("team/app@v1")!;
      expect(type).toBe(DOCKER_MANIFEST);
      const manifest = JSON.parse(Buffer.from(bytes).toString());
      expect(manifest.config.digest).toBe(id);
      const blob = registry.blobs.get(manifest.layers[0].digest)!;
      expect(blob.length).toBe(manifest.layers[0].size);
      expect(Buffer.concat(await Array.fromAsync(decompress(chunksOf(blob)))).equals(large)).toBe(true);
      expect(texts(messages)).toEqual([
        `The push refers to repository [${name}]`,
        `${layer}: Preparing`,
        `${layer}: Pushed`,
        `v1: digest: ${digestOf(bytes)} size: ${bytes.length}`,
      ]);
      expect(messages.at(-1)).toEqual({
        progressDetail: {},
        aux: { Tag: "v1", Digest: digestOf(bytes), Size: bytes.length },
      });
      expect(
        messages.some(
          ({ status, progressDetail }) => status === "Pushing" && progressDetail?.total === blob.length,
        ),
      ).toBe(true);
      expect((await store.images.inspect(id)).RepoDigests).toEqual([`${name}@${digestOf(bytes)}`]);
      expect(texts(await push(store, name, "v1"))).toContain(`${layer}: Layer already exists`);
      await store.images.tag(id, `${registry.host}/other`, "v2");
      expect(texts(await push(store, `${registry.host}/other`, "v2"))).toContain(
        `${layer}: Mounted from team/app`,
      );
      expect(registry.manifests.get("other@v2")!.bytes).toEqual(bytes);
    });
  });

  test.each([
    ["gzip", undefined, undefined],
    ["zstd", zstdCompressSync, "application/vnd.oci.image.layer.v1.tar+zstd"],
    ["uncompressed", (bytes: Uint8Array) => bytes, "application/vnd.oci.image.layer.v1.tar"],
  ] as const)("what was pulled (%s) goes as it came, to another registry", async (_, compress, layerType) => {
    await withStore(async (registry, store) => {
      await using other = await FakeRegistry.start();
      const options = layerType === undefined ? {} : { layerType, manifest: { mediaType: OCI_MANIFEST } };
      const { manifest } = registry.addImage("app", "v1", [base, large], {
        ...options,
        ...(compress === undefined ? {} : { compress }),
      });
      await pull(store, `${registry.host}/app:v1`);
      await store.images.tag(`${registry.host}/app:v1`, `${other.host}/copy`, "v1");
      await push(store, `${other.host}/copy`, "v1");
      expect(digestOf(other.manifests.get("copy@v1")!.bytes)).toBe(manifest);
      expect(other.manifests.get("copy@v1")!.type).toBe(registry.manifests.get("app@v1")!.type);
    });
  });

  test("an image that was loaded and never travelled, over a layer that was pulled", async () => {
    await withStore(async (registry, store) => {
      registry.addImage("app", "v1", [base], { compress: zstdCompressSync });
      await pull(store, `${registry.host}/app:v1`);
      const saved = Buffer.concat(await Array.fromAsync(store.images.save([`${registry.host}/app:v1`])));
      await using second = await TestStore.create(undefined, {
        registries: configFor(),
        patience: IMPATIENCE,
      });
      await second.images.load(chunksOf(saved));
      await push(second, `${registry.host}/app`, "v1");
      const manifest = JSON.parse(Buffer.from(registry.manifests.get("app@v1")!.bytes).toString());
      expect(manifest.mediaType).toBe(DOCKER_MANIFEST);
      expect((await second.images.list()).length).toBe(1);
    });
  });

  test("all tags", async () => {
    await withStore(async (registry, store) => {
      const name = `${registry.host}/app`;
      const id = await store.images.import(chunksOf(base), { repository: name, tag: "v1" });
      await store.images.tag(id, name, "v2");
      await push(store, name);
      expect([...registry.manifests.keys()].filter((key) => !key.includes("sha256:")).sort()).toEqual([
        "app@v1",
        "app@v2",
      ]);
    });
  });

  test("what is not here", async () => {
    await withStore(async (registry, store) => {
      await expect(push(store, `${registry.host}/none`, "v1")).rejects.toMatchObject({
        kind: "NotFound",
        message: `An image does not exist locally with the tag: ${registry.host}/none`,
      });
    });
  });

  test("an upload that breaks off goes on where the registry has got to", async () => {
    await withStore(async (registry, store) => {
      const name = `${registry.host}/app`;
      await store.images.import(chunksOf(large), { repository: name, tag: "v1" });
      let broken = 0;
      registry.misbehave = async (request, response) => {
        if (request.method !== "PATCH" || broken++ > 0) return false;
        const upload = registry.uploads.get(/uploads\/([^?]*)/.exec(request.url!)![1]!)!;
        for await (const chunk of request) {
          upload.bytes = Buffer.concat([upload.bytes, chunk as Buffer]);
          if (upload.bytes.length > 500_000) break;
        }
        response.destroy();
        return true;
      };
      await push(store, name, "v1");
      const patches = registry.asked.filter(({ method }) => method === "PATCH");
      expect(patches.length).toBe(2);
      const from = Number(/^(\d+)-\d+$/.exec(String(patches[1]!.headers["content-range"]))![1]);
      expect(from).toBeGreaterThan(500_000);
      expect(registry.manifests.has("app@v1")).toBe(true);
    });
  });

  test("an upload that the registry has forgotten begins anew", async () => {
    await withStore(async (registry, store) => {
      const name = `${registry.host}/app`;
      await store.images.import(chunksOf(large), { repository: name, tag: "v1" });
      let broken = 0;
      registry.misbehave = async (request, response) => {
        if (request.method !== "PATCH" || broken++ > 0) return false;
        registry.uploads.clear();
        for await (const _ of request);
        refuse(response, 503, "UNAVAILABLE");
        return true;
      };
      await push(store, name, "v1");
      expect(registry.manifests.has("app@v1")).toBe(true);
    });
  });

  test("who may not is told so in the registry's words", async () => {
    await withStore(async (registry, store) => {
      const name = `${registry.host}/app`;
      await store.images.import(chunksOf(base), { repository: name, tag: "v1" });
      registry.misbehave = (request, response) => {
        if (request.method !== "POST") return false;
        refuse(response, 403, "DENIED", "requested access to the resource is denied");
        return true;
      };
      await expect(push(store, name, "v1")).rejects.toMatchObject({
        kind: "Forbidden",
        message: "denied: requested access to the resource is denied",
      });
    });
  });
});
