import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { statSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX } from "../../distribution/index.ts";
import {
  configFor,
  FakeRegistry,
  IMPATIENCE,
  type Misbehaviour,
  refuse,
} from "../../distribution/testing.ts";
import { digestHex, digestOf } from "../../lib/index.ts";
import type { JsonMessage } from "../../wire/index.ts";
import { file, listTree, tar } from "../testing.ts";
import { TestStore } from "../testing-store.ts";

// The machine may be busy with other tests; none of these is about time.
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

async function withStore(
  work: (registry: FakeRegistry, store: TestStore) => Promise<void>,
  more: Parameters<typeof configFor>[0] = {},
): Promise<void> {
  await using registry = await FakeRegistry.start();
  await using store = await TestStore.create(undefined, {
    registries: configFor(more),
    patience: IMPATIENCE,
  });
  await work(registry, store);
}

async function pull(
  { images }: TestStore,
  name: string,
  options: { auth?: object; platform?: string; signal?: AbortSignal } = {},
): Promise<JsonMessage[]> {
  const messages: JsonMessage[] = [];
  const auth =
    options.auth === undefined ? undefined : Buffer.from(JSON.stringify(options.auth)).toString("base64url");
  await images.pull(
    { name, platform: options.platform },
    auth,
    (message) => messages.push(message),
    options.signal ?? NEVER,
  );
  return messages;
}

const texts = (messages: JsonMessage[]) =>
  messages
    .filter(({ progressDetail }) => progressDetail?.current === undefined)
    .map(({ id, status }) => (id === undefined ? status : `${id}: ${status}`));

/** Blobs on disk that are whole, by their digests; what is unfinished, with its length. */
async function filesOf(store: TestStore): Promise<string[]> {
  return (await store.inventory())
    .filter((path) => /^blobs\/.*\/[0-9a-f]{64}$/.test(path))
    .map((path) => path.replace(/^blobs\//, ""));
}

const isGetOf = (request: { method?: string | undefined; url?: string | undefined }, what: string) =>
  request.method === "GET" && request.url?.includes(what) === true;

/** Sends the beginning of a blob and breaks off, so many times. */
function breakOff(registry: FakeRegistry, digest: string, bytes: number, times: number): Misbehaviour {
  let left = times;
  return (request, response) => {
    if (!isGetOf(request, `/blobs/${digest}`) || left-- <= 0) return false;
    const blob = registry.blobs.get(digest)!;
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
    const headers = {
      "Content-Length": blob.length - from,
      "Content-Range": `bytes ${from}-${blob.length - 1}/${blob.length}`,
    };
    response.writeHead(from === 0 ? 200 : 206, headers);
    // Not a reset, which would take with it what has not been read.
    response.write(blob.subarray(from, from + bytes), () => void response.socket?.end());
    return true;
  };
}

describe("pull", () => {
  test("an image comes whole: its id, its names, its files, and Docker's words on the way", async () => {
    await withStore(async (registry, store) => {
      const image = registry.addImage("team/app", "v1", [base, large]);
      const messages = await pull(store, `${registry.host}/team/app:v1`);
      const [first, second] = image.layers.map((digest) => digestHex(digest).slice(0, 12));
      const said = texts(messages);
      expect(said[0]).toBe("v1: Pulling from team/app");
      for (const status of ["Pulling fs layer", "Verifying Checksum", "Download complete", "Pull complete"]) {
        expect(said).toContain(`${first}: ${status}`);
        expect(said).toContain(`${second}: ${status}`);
      }
      expect(said.slice(-2)).toEqual([
        `Digest: ${image.manifest}`,
        `Status: Downloaded newer image for ${registry.host}/team/app:v1`,
      ]);
      const moving = messages.find(({ status }) => status === "Downloading")!;
      expect(moving.progressDetail?.total).toBeGreaterThan(0);
      expect(moving.progress).toMatch(/^\[[=> ]{51}\] +[\d.]+k?M?B\/[\d.]+k?M?B$/);
      const inspected = await store.images.inspect(`${registry.host}/team/app:v1`);
      expect(inspected.Id).toBe(image.config);
      expect(inspected.RepoDigests).toEqual([`${registry.host}/team/app@${image.manifest}`]);
      await store.images.snapshots.prepare("c", inspected.Id);
      using view = await store.images.snapshots.view("c");
      expect(listTree(view)).toEqual(["base file", "large file"]);
      expect(store.events).toContainEqual({
        type: "image",
        action: "pull",
        actorId: `${registry.host}/team/app:v1`,
        attributes: { name: `${registry.host}/team/app` },
      });
    });
  });

  test("again: only the digest is asked for, and nothing is done", async () => {
    await withStore(async (registry, store) => {
      registry.addImage("app", "v1", [base]);
      await pull(store, `${registry.host}/app:v1`);
      registry.asked.length = 0;
      const said = texts(await pull(store, `${registry.host}/app:v1`));
      expect(said.at(-1)).toBe(`Status: Image is up to date for ${registry.host}/app:v1`);
      expect(registry.log()).toEqual(["HEAD /v2/app/manifests/v1"]);
    });
  });

  test("a tag that has moved takes the name with it, and layers that are here don't come again", async () => {
    await withStore(async (registry, store) => {
      const before = registry.addImage("app", "v1", [base]);
      await pull(store, `${registry.host}/app:v1`);
      const after = registry.addImage("app", "v1", [base, large]);
      registry.asked.length = 0;
      const said = texts(await pull(store, `${registry.host}/app:v1`));
      expect(said).toContain(`${digestHex(after.layers[0]!).slice(0, 12)}: Already exists`);
      expect(registry.log()).not.toContain(`GET /v2/app/blobs/${after.layers[0]}`);
      expect((await store.images.inspect(`${registry.host}/app:v1`)).Id).toBe(after.config);
      expect((await store.images.inspect(before.config)).RepoTags).toEqual([]);
    });
  });

  test("by digest, with the tag apart, all tags", async () => {
    await withStore(async (registry, store) => {
      const { manifest, config } = registry.addImage("app", "v1", [base]);
      registry.addImage("app", "v2", [base, large]);
      const said = texts(await pull(store, `${registry.host}/app@${manifest}`));
      expect(said[0]).toBe(`${manifest}: Pulling from app`);
      const { Id, RepoTags, RepoDigests } = await store.images.inspect(config);
      expect({ Id, RepoTags, RepoDigests }).toEqual({
        Id: config,
        RepoTags: [],
        RepoDigests: [`${registry.host}/app@${manifest}`],
      });
      await store.images.pull({ name: `${registry.host}/app`, tag: "v1" }, undefined, () => {}, NEVER);
      expect((await store.images.inspect(config)).RepoTags).toEqual([`${registry.host}/app:v1`]);
      await pull(store, `${registry.host}/app`);
      expect((await store.images.inspect(`${registry.host}/app:v2`)).RepoTags).toEqual([
        `${registry.host}/app:v2`,
      ]);
    });
  });

  test("zstd and uncompressed layers", async () => {
    await withStore(async (registry, store) => {
      for (const compress of [zstdCompressSync, (bytes: Uint8Array) => bytes]) {
        const { config } = registry.addImage("app", "v1", [base, large], { compress });
        await pull(store, `${registry.host}/app:v1`);
        expect((await store.images.inspect(`${registry.host}/app:v1`)).Id).toBe(config);
        await store.images.remove(`${registry.host}/app:v1`);
        expect(await filesOf(store)).toEqual([]);
      }
    });
  });

  test("two at once share what they have in common", async () => {
    await withStore(async (registry, store) => {
      const one = registry.addImage("one", "v1", [large]);
      const { layers } = registry.addImage("two", "v1", [large, base]);
      await Promise.all([pull(store, `${registry.host}/one:v1`), pull(store, `${registry.host}/two:v1`)]);
      expect(one.layers[0]).toBe(layers[0]!);
      expect(registry.log().filter((line) => line.endsWith(layers[0]!)).length).toBe(1);
    });
  });

  test("one that is given up does not end the other, and both given up leave only what resumes", async () => {
    await withStore(async (registry, store) => {
      const { layers } = registry.addImage("app", "v1", [large]);
      const blob = registry.blobs.get(layers[0]!)!;
      let open: ServerResponse | undefined;
      const stalled = Promise.withResolvers<void>();
      registry.misbehave = (request, response) => {
        if (!isGetOf(request, "/blobs/") || !request.url!.endsWith(layers[0]!) || open !== undefined)
          return false;
        open = response;
        response.writeHead(200, { "Content-Length": blob.length });
        response.write(blob.subarray(0, 100_000), () => stalled.resolve());
        return true;
      };
      const impatient = new AbortController();
      const first = pull(store, `${registry.host}/app:v1`, { signal: impatient.signal });
      const failed = first.then(
        () => undefined,
        (error: unknown) => error,
      );
      await stalled.promise;
      const second = pull(store, `${registry.host}/app:v1`);
      impatient.abort(new Error("gone"));
      expect(await failed).toMatchObject({ message: "gone" });
      open!.end(blob.subarray(100_000));
      await second;
      expect((await store.images.list()).length).toBe(1);
    });
  });
});

describe("platforms", () => {
  const platforms = [
    { os: "linux", architecture: "386" },
    { os: "linux", architecture: "amd64" },
    { os: "linux", architecture: "arm", variant: "v6" },
    { os: "linux", architecture: "arm", variant: "v7" },
    { os: "linux", architecture: "arm64", variant: "v8" },
  ];

  function addIndex(registry: FakeRegistry, type: string): Map<string, string> {
    const configs = new Map<string, string>();
    const manifests = platforms.map((platform) => {
      const name = Object.values(platform).join("/");
      const image = registry.addImage("multi", `only-${name.replaceAll("/", "-")}`, [tar(file(name, name))], {
        platform,
      });
      configs.set(name, image.config);
      const { bytes } = registry.manifests.get(`multi@${image.manifest}`)!;
      return { mediaType: DOCKER_MANIFEST, digest: image.manifest, size: bytes.length, platform };
    });
    const attestation = { ...manifests[0]!, platform: { os: "unknown", architecture: "unknown" } };
    registry.addManifest("multi", ["latest"], type, {
      schemaVersion: 2,
      mediaType: type,
      manifests: [attestation, ...manifests],
    });
    return configs;
  }

  test.each([DOCKER_LIST, OCI_INDEX])("the best of an index is taken: %s", async (type) => {
    await withStore(async (registry, store) => {
      const configs = addIndex(registry, type);
      const name = `${registry.host}/multi:latest`;
      await pull(store, name);
      const here = process.arch === "arm64" ? "linux/arm64/v8" : "linux/amd64";
      expect((await store.images.inspect(name)).Id).toBe(configs.get(here)!);
      for (const [asked, taken] of [
        ["linux/arm/v7", "linux/arm/v7"],
        ["linux/arm", "linux/arm/v7"],
        ["linux/arm/v6", "linux/arm/v6"],
        ["linux/arm64", "linux/arm64/v8"],
        ["linux/aarch64", "linux/arm64/v8"],
        ["linux/386", "linux/386"],
        ["linux/amd64", "linux/amd64"],
      ]) {
        await pull(store, name, { platform: asked! });
        expect((await store.images.inspect(name)).Id, asked).toBe(configs.get(taken!)!);
      }
      await expect(pull(store, name, { platform: "linux/riscv64" })).rejects.toMatchObject({
        kind: "NotFound",
        message: "no matching manifest for linux/riscv64 in the manifest list entries",
      });
    });
  });

  test("a single image for another platform comes with a warning", async () => {
    await withStore(async (registry, store) => {
      registry.addImage("one", "latest", [base], { platform: { os: "linux", architecture: "s390x" } });
      const said = texts(await pull(store, `${registry.host}/one:latest`, { platform: "linux/amd64" }));
      expect(said.at(-1)).toContain("does not match the specified platform (linux/amd64)");
      await expect(
        (async () => {
          registry.addImage("win", "latest", [base], { platform: { os: "windows", architecture: "amd64" } });
          await pull(store, `${registry.host}/win:latest`);
        })(),
      ).rejects.toThrow('image operating system "windows" cannot be used on this platform');
    });
  });
});

describe("a connection that breaks", () => {
  test("a download goes on where it broke off", async () => {
    await withStore(async (registry, store) => {
      const { layers, config } = registry.addImage("app", "v1", [large]);
      registry.misbehave = breakOff(registry, layers[0]!, 700_000, 3);
      await pull(store, `${registry.host}/app:v1`);
      expect((await store.images.list()).map(({ Id }) => Id)).toEqual([config]);
      const ranges = registry.asked
        .filter(({ path }) => path.endsWith(layers[0]!))
        .map(({ headers }) => Number(/^bytes=(\d+)-$/.exec(headers.range ?? "")?.[1] ?? 0));
      expect(ranges[0]).toBe(0);
      expect(ranges.length).toBe(4);
      expect(ranges).toEqual([...ranges].sort((a, b) => a - b));
      expect(ranges[3]).toBeGreaterThan(0);
    });
  });

  test("a registry without ranges sends all of it again, and that is right, too", async () => {
    await withStore(async (registry, store) => {
      const { layers, config } = registry.addImage("app", "v1", [large]);
      const blob = registry.blobs.get(layers[0]!)!;
      let times = 0;
      registry.misbehave = (request, response) => {
        if (!isGetOf(request, `/blobs/${layers[0]}`)) return false;
        response.writeHead(200, { "Content-Length": blob.length });
        if (times++ > 0) response.end(blob);
        else response.write(blob.subarray(0, 700_000), () => response.destroy());
        return true;
      };
      await pull(store, `${registry.host}/app:v1`);
      expect((await store.images.list()).map(({ Id }) => Id)).toEqual([config]);
    });
  });

  test("what has come when everything fails is not brought again by the next pull", async () => {
    await withStore(
      async (registry, store) => {
        const { layers, config } = registry.addImage("app", "v1", [base, large]);
        registry.misbehave = breakOff(registry, layers[1]!, 700_000, 2);
        await expect(pull(store, `${registry.host}/app:v1`)).rejects.toMatchObject({ kind: "Unavailable" });
        expect(await store.images.list()).toEqual([]);
        const kept = (await filesOf(store)).filter((path) => path.startsWith("partial/"));
        expect(kept).toContain(`partial/${digestHex(layers[1]!)}`);
        const { size } = statSync(join(store.root, "blobs", "partial", digestHex(layers[1]!)));
        expect(size).toBeGreaterThan(0);
        registry.asked.length = 0;
        registry.misbehave = () => false;
        await pull(store, `${registry.host}/app:v1`);
        expect((await store.images.list()).map(({ Id }) => Id)).toEqual([config]);
        const again = registry.asked.filter(({ path }) => path.endsWith(layers[1]!));
        expect(again.map(({ headers }) => headers.range)).toEqual([`bytes=${size}-`]);
        expect((await filesOf(store)).filter((path) => path.startsWith("partial/"))).toEqual([]);
      },
      { maxAttempts: 2 },
    );
  });

  test("what is damaged on disk meanwhile comes anew", async () => {
    await withStore(
      async (registry, store) => {
        const { layers, config } = registry.addImage("app", "v1", [large]);
        registry.misbehave = breakOff(registry, layers[0]!, 700_000, 1);
        await expect(pull(store, `${registry.host}/app:v1`)).rejects.toMatchObject({ kind: "Unavailable" });
        const path = join(store.root, "blobs", "partial", digestHex(layers[0]!));
        await Bun.write(path, Buffer.alloc(statSync(path).size, 7));
        await pull(store, `${registry.host}/app:v1`);
        expect((await store.images.list()).map(({ Id }) => Id)).toEqual([config]);
      },
      { maxAttempts: 1 },
    );
  });

  test("silence is given up", async () => {
    await withStore(
      async (registry, store) => {
        const { layers } = registry.addImage("app", "v1", [large]);
        registry.misbehave = (request, response) => {
          if (!isGetOf(request, `/blobs/${layers[0]}`)) return false;
          response.writeHead(200, { "Content-Length": registry.blobs.get(layers[0]!)!.length });
          response.write("x");
          return true;
        };
        await expect(pull(store, `${registry.host}/app:v1`)).rejects.toThrow("i/o timeout");
      },
      { maxAttempts: 1 },
    );
  });
});

describe("a registry that is busy", () => {
  test.each([
    [503, {}],
    [500, {}],
    [429, { "Retry-After": "0" }],
  ] as const)("%d passes", async (status, headers) => {
    await withStore(async (registry, store) => {
      registry.addImage("app", "v1", [base]);
      const refused = new Map<string, number>();
      registry.misbehave = (request, response) => {
        if (request.url === "/v2/") return false;
        const times = refused.get(request.url!) ?? 0;
        refused.set(request.url!, times + 1);
        if (times >= 2) return false;
        refuse(response, status, "UNAVAILABLE", "come back later", headers);
        return true;
      };
      await pull(store, `${registry.host}/app:v1`);
      expect((await store.images.list()).length).toBe(1);
    });
  });

  test("a limit on pulls is told at once, in the registry's words", async () => {
    await withStore(async (registry, store) => {
      registry.addImage("app", "v1", [base]);
      registry.misbehave = (request, response) => {
        if (request.url === "/v2/") return false;
        refuse(response, 429, "TOOMANYREQUESTS", "You have reached your pull rate limit.");
        return true;
      };
      await expect(pull(store, `${registry.host}/app:v1`)).rejects.toThrow(
        "toomanyrequests: You have reached your pull rate limit.",
      );
      expect(registry.log().length).toBe(1);
    });
  });

  test("an outage is told", async () => {
    await withStore(
      async (registry, store) => {
        registry.misbehave = (request, response) => {
          if (request.url === "/v2/") return false;
          response.writeHead(503, "Service Unavailable").end("<html>maintenance</html>");
          return true;
        };
        await expect(pull(store, `${registry.host}/app:v1`)).rejects.toThrow(
          "received unexpected HTTP status: 503 Service Unavailable",
        );
      },
      { maxAttempts: 2 },
    );
  });
});

describe("a registry that lies", () => {
  /** Nothing is here afterwards: no image, no layer, nothing unfinished. */
  async function refusesAll(
    work: (registry: FakeRegistry) => unknown,
    expected: string | RegExp,
  ): Promise<void> {
    await withStore(async (registry, store) => {
      const reference = work(registry);
      const name = typeof reference === "string" ? reference : `${registry.host}/app:v1`;
      await expect(pull(store, name)).rejects.toThrow(expected);
      expect(await store.images.list()).toEqual([]);
      expect(await filesOf(store)).toEqual([]);
    });
  }

  test("about a layer: other content of the same length", async () => {
    await refusesAll((registry) => {
      const { layers } = registry.addImage("app", "v1", [large]);
      const blob = Buffer.from(registry.blobs.get(layers[0]!)!);
      blob[blob.length - 20]! ^= 1;
      registry.blobs.set(layers[0]!, blob);
    }, /filesystem layer verification failed for digest sha256:/);
  });

  test("about a layer: content that is a proper layer, but another one", async () => {
    await refusesAll((registry) => {
      const { layers } = registry.addImage("app", "v1", [large]);
      const other = gzipSync(tar(file("evil", noise)));
      const padded = Buffer.concat([
        other,
        Buffer.alloc(registry.blobs.get(layers[0]!)!.length - other.length),
      ]);
      registry.blobs.set(layers[0]!, padded);
    }, /filesystem layer verification failed/);
  });

  test("about a layer's length: a body without end", async () => {
    await refusesAll((registry) => {
      const { layers } = registry.addImage("app", "v1", [large]);
      registry.misbehave = (request, response) => {
        if (!isGetOf(request, `/blobs/${layers[0]}`)) return false;
        response.writeHead(200);
        const more = () => {
          while (!response.destroyed && response.write(noise));
          if (!response.destroyed) response.once("drain", more);
        };
        more();
        return true;
      };
    }, /the registry sends more than the \d+ bytes that the manifest says/);
  });

  test("about what a layer unpacks to", async () => {
    await refusesAll((registry) => {
      registry.addImage("app", "v1", [large], { diffIds: [digestOf("something else")] });
    }, /layers from manifest don't match image configuration/);
  });

  test("about what a manifest is", async () => {
    await refusesAll((registry) => {
      const { manifest } = registry.addImage("app", "v1", [base]);
      registry.addManifest("app", [], DOCKER_MANIFEST, { schemaVersion: 2, other: true });
      const [wrong] = [...registry.manifests].at(-1)!;
      registry.manifests.set(`app@${manifest}`, registry.manifests.get(wrong)!);
      return `${registry.host}/app@${manifest}`;
    }, /manifest verification failed for digest sha256:/);
  });

  test("about the configuration", async () => {
    await refusesAll((registry) => {
      const { config } = registry.addImage("app", "v1", [base]);
      const bytes = Buffer.from(registry.blobs.get(config)!);
      bytes[bytes.indexOf("sh")] = "x".charCodeAt(0);
      registry.blobs.set(config, bytes);
    }, /verification failed/);
  });

  test("with one document that is manifest and index", async () => {
    await refusesAll((registry) => {
      registry.addImage("app", "v1", [base], { manifest: { manifests: [] } });
    }, "invalid manifest: a manifest is an index, too");
  });

  test("with a manifest without end", async () => {
    await refusesAll((registry) => {
      registry.misbehave = (request, response) => {
        if (!isGetOf(request, "/manifests/")) return false;
        response.writeHead(200, { "Content-Type": DOCKER_MANIFEST });
        const more = () => {
          while (!response.destroyed && response.write(" ".repeat(65_536)));
          if (!response.destroyed) response.once("drain", more);
        };
        more();
        return true;
      };
    }, "the manifest is larger than 4194304 bytes");
  });

  test("schema 1 is refused, with a reason", async () => {
    await refusesAll((registry) => {
      const type = "application/vnd.docker.distribution.manifest.v1+prettyjws";
      registry.addManifest("app", ["v1"], type, { schemaVersion: 1, name: "app", tag: "v1", fsLayers: [] });
    }, /schema 1 is not supported/);
  });

  test("what is no image is refused", async () => {
    await refusesAll((registry) => {
      const config = {
        mediaType: "application/vnd.cncf.helm.config.v1+json",
        size: 2,
        digest: digestOf("{}"),
      };
      registry.addImage("app", "v1", [base], { manifest: { config } });
    }, /Encountered remote "application\/vnd.cncf.helm.config.v1\+json"\(unknown\) when fetching/);
  });

  test("with a layer that leads out of its directory", async () => {
    await refusesAll((registry) => {
      registry.addImage("app", "v1", [tar(file("../../escape", "x"))]);
    }, /failed to register layer: /);
  });
});

describe("who is asked", () => {
  test("a redirect to another host has no credentials", async () => {
    const seen: (string | undefined)[] = [];
    await withStore(async (registry, store) => {
      const { layers } = registry.addImage("app", "v1", [base]);
      const elsewhere = createServer((request, response) => {
        seen.push(request.headers.authorization);
        response.end(registry.blobs.get(layers[0]!));
      });
      await new Promise<void>((resolve) => void elsewhere.listen(0, "127.0.0.1", resolve));
      const { port } = elsewhere.address() as { port: number };
      registry.misbehave = (request, response) => {
        if (request.headers.authorization === undefined && request.url !== "/v2/") {
          response.writeHead(401, { "WWW-Authenticate": 'Basic realm="r"' }).end();
          return true;
        }
        if (!isGetOf(request, `/blobs/${layers[0]}`)) return false;
        response.writeHead(307, { Location: `http://127.0.0.1:${port}/signed?secret=1` }).end();
        return true;
      };
      try {
        await pull(store, `${registry.host}/app:v1`, { auth: { username: "me", password: "secret" } });
        expect(seen).toEqual([undefined]);
        expect((await store.images.list()).length).toBe(1);
      } finally {
        elsewhere.close();
      }
    });
  });

  test("without credentials a registry that wants a password is told so in Docker's words", async () => {
    await withStore(async (registry, store) => {
      registry.misbehave = (request, response) => {
        if (request.url === "/v2/") return false;
        response.writeHead(401, { "WWW-Authenticate": 'Basic realm="r"' }).end();
        return true;
      };
      await expect(pull(store, `${registry.host}/app:v1`)).rejects.toMatchObject({
        kind: "System",
        message: `Get "http://${registry.host}/v2/app/manifests/v1": no basic auth credentials`,
      });
      await expect(
        pull(store, `${registry.host}/app:v1`, { auth: { username: "me", password: "wrong" } }),
      ).rejects.toMatchObject({ kind: "System", message: "unauthorized: authentication required" });
    });
  });

  test("mirrors are asked first, without credentials, and what they don't have comes from the registry", async () => {
    await using mirror = await FakeRegistry.start();
    await using registry = await FakeRegistry.start();
    const rules = [
      {
        prefix: `${registry.host}/team`,
        mirrors: [`http://${mirror.host}`, "http://127.0.0.1:1"],
        insecure: false,
        blocked: false,
        default: false,
      },
      { prefix: `${registry.host}/no`, mirrors: [], insecure: false, blocked: true, default: false },
    ];
    await using store = await TestStore.create(undefined, {
      registries: configFor({ rules }),
      patience: IMPATIENCE,
    });
    const auth = { username: "me", password: "secret" };
    for (const one of [mirror, registry]) one.addImage("team/both", "v1", [base]);
    registry.addImage("team/own", "v1", [large]);
    registry.addImage("other", "v1", [large]);
    await pull(store, `${registry.host}/team/both:v1`, { auth });
    expect(registry.log()).toEqual([]);
    expect(mirror.asked.every(({ headers }) => headers.authorization === undefined)).toBe(true);
    await pull(store, `${registry.host}/team/own:v1`, { auth });
    expect(mirror.log()).toContain("GET /v2/team/own/manifests/v1");
    mirror.asked.length = 0;
    await pull(store, `${registry.host}/other:v1`, { auth });
    expect(mirror.log()).toEqual([]);
    await expect(pull(store, `${registry.host}/no/x:v1`)).rejects.toMatchObject({ kind: "Forbidden" });
  });

  test("a mirror of Docker Hub has its images under their whole names", async () => {
    await using mirror = await FakeRegistry.start();
    await using store = await TestStore.create(undefined, {
      registries: configFor({ mirrors: [`http://${mirror.host}/hub`] }),
      patience: IMPATIENCE,
    });
    const { config } = mirror.addImage("library/tool", "latest", [base]);
    mirror.misbehave = (request) => {
      request.url = request.url?.replace(/^\/hub/, "");
      return false;
    };
    await store.images.pull({ name: "tool", tag: "latest" }, undefined, () => {}, NEVER);
    expect((await store.images.inspect("tool")).Id).toBe(config);
  });

  test("a mirror whose layers are missing is helped out by the registry", async () => {
    await using mirror = await FakeRegistry.start();
    await using registry = await FakeRegistry.start();
    const rule = { mirrors: [`http://${mirror.host}`], insecure: false, blocked: false, default: true };
    await using store = await TestStore.create(undefined, {
      registries: configFor({ rules: [rule] }),
      patience: IMPATIENCE,
    });
    const { layers } = mirror.addImage("app", "v1", [base]);
    registry.addImage("app", "v1", [base]);
    mirror.blobs.delete(layers[0]!);
    await pull(store, `${registry.host}/app:v1`);
    expect(mirror.log()[0]).toBe(`GET /v2/app/manifests/v1?ns=${encodeURIComponent(registry.host)}`);
    expect(registry.log()).toContain(`GET /v2/app/blobs/${layers[0]}`);
  });
});
