// Images to and from a real registry: with the real docker client, with ours, and with skopeo as a third party.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { IMAGE, runCommand, startEngine } from "../support/engine.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import { eventually, useEngine } from "../support/suite.ts";

const { docker, dockerResult, inspect, engine } = useEngine();
let registry: TestRegistry;
/** For what skopeo writes. */
let directory: string;

beforeAll(async () => {
  registry = await startRegistry();
  directory = mkdtempSync(join(tmpdir(), "berth-registry-test-"));
});

afterAll(async () => {
  await registry[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true, force: true });
});

async function skopeo(...args: string[]): Promise<string> {
  const result = await runCommand(["skopeo", "--insecure-policy", ...args], { timeoutMs: 60_000 });
  expect(result, `skopeo ${args.join(" ")}`).toMatchObject({ code: 0 });
  return result.stdout;
}

const PLAIN = ["--src-tls-verify=false", "--dest-tls-verify=false"];

/** Publishes the test image under a name; everything here of it is gone again. @returns image id and manifest digest */
async function publish(name: string): Promise<{ id: string; digest: string }> {
  await docker("tag", IMAGE, name);
  const pushed = await docker("push", name);
  const digest = /digest: (sha256:[0-9a-f]{64}) size: \d+/.exec(pushed)?.[1] ?? "";
  const id = await inspect(name, "{{.Id}}");
  await docker("rmi", name);
  return { id, digest };
}

async function digestThere(repository: string, reference: string): Promise<string | null> {
  const response = await registry.request("GET", `/v2/${repository}/manifests/${reference}`, {
    headers: {
      Accept:
        "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json",
    },
  });
  await response.text();
  return response.headers.get("docker-content-digest");
}

describe("push and pull", () => {
  test("an image travels to another engine with its id, and runs there", async () => {
    const name = `${registry.address}/team/app:v1`;
    const { id, digest } = await publish(name);
    expect(await digestThere("team/app", "v1")).toBe(digest);
    await using other = await startEngine({ withoutImage: true });
    const pulled = await other.docker(["pull", name]);
    expect(pulled.stdout).toContain("v1: Pulling from team/app");
    expect(pulled.stdout).toContain("Pull complete");
    expect(pulled.stdout).toContain(
      `Digest: ${digest}\nStatus: Downloaded newer image for ${name}\n${name}\n`,
    );
    expect((await other.docker(["pull", name])).stdout).toContain(`Status: Image is up to date for ${name}`);
    const format = "{{.Id}} {{.RepoTags}} {{.RepoDigests}}";
    expect((await other.docker(["image", "inspect", "-f", format, name])).stdout.trim()).toBe(
      `${id} [${name}] [${registry.address}/team/app@${digest}]`,
    );
    expect((await other.docker(["run", "--rm", name, "echo", "alive"])).stdout).toBe("alive\n");
    expect((await other.docker(["images", "--digests", "--format", "{{.Digest}}"])).stdout.trim()).toBe(
      digest,
    );
  });

  test("run brings an image that is not there", async () => {
    const name = `${registry.address}/run/app:v1`;
    await publish(name);
    const result = await dockerResult(["run", "--rm", name, "echo", "alive"]);
    expect(result).toMatchObject({ code: 0, stdout: "alive\n" });
    expect(result.stderr).toContain(`Unable to find image '${name}' locally`);
    await docker("rmi", name);
  });

  test("by digest, with all tags, and removed with its last tag", async () => {
    const repository = `${registry.address}/many/tags`;
    const { id, digest } = await publish(`${repository}:v1`);
    expect(await docker("pull", `${repository}@${digest}`)).toContain(`Digest: ${digest}`);
    expect(await inspect(`${repository}@${digest}`, "{{.Id}}")).toBe(id);
    await docker("tag", IMAGE, `${repository}:v2`);
    await docker("tag", IMAGE, `${repository}:v3`);
    await docker("push", "--all-tags", repository);
    await docker("rmi", `${repository}:v2`, `${repository}:v3`);
    const pulled = await docker("pull", "--all-tags", repository);
    for (const tag of ["v1", "v2", "v3"]) expect(pulled).toContain(`${tag}: Pulling from many/tags`);
    expect((await docker("images", "--format", "{{.Tag}}", repository)).split("\n").sort()).toEqual([
      "v1",
      "v2",
      "v3",
    ]);
    const removed = await docker("rmi", `${repository}:v1`, `${repository}:v2`, `${repository}:v3`);
    expect(removed).toContain(`Untagged: ${repository}@${digest}`);
  });

  test("a container's changes go on top of layers that the registry has", async () => {
    const name = `${registry.address}/commit/app:v1`;
    const { id } = await publish(name);
    await docker("pull", name);
    const container = await docker("run", "-d", name, "sh", "-c", "echo changed > /result");
    await docker("wait", container);
    await docker("commit", container, `${registry.address}/commit/app:v2`);
    const pushed = await docker("push", `${registry.address}/commit/app:v2`);
    expect(pushed.match(/: Layer already exists/g)?.length).toBe(1);
    expect(pushed.match(/: Pushed/g)?.length).toBe(1);
    await docker("rm", container);
    await using other = await startEngine({ withoutImage: true });
    const run = await other.docker(["run", "--rm", `${registry.address}/commit/app:v2`, "cat", "/result"]);
    expect(run.stdout).toBe("changed\n");
    expect(id).not.toBe("");
  });

  test("what a registry does not have is told in Docker's words", async () => {
    const missing = `${registry.address}/team/none`;
    expect((await dockerResult(["pull", `${missing}:v1`])).stderr).toContain(
      `manifest for ${missing}:v1 not found: manifest unknown`,
    );
    expect((await dockerResult(["push", `${missing}:v1`])).stderr).toContain(
      `An image does not exist locally with the tag: ${missing}`,
    );
    expect((await dockerResult(["pull", "127.0.0.1:1/x"])).stderr).toContain(
      'Get "http://127.0.0.1:1/v2/x/manifests/latest": dial tcp 127.0.0.1:1: connect: connection refused',
    );
    expect((await dockerResult(["pull", "Upper/Case"])).stderr).toContain("must be lowercase");
    const response = await engine().api("POST", `/v1.45/images/create?fromImage=${missing}&tag=v1`);
    expect(response.status).toBe(404);
    await response.text();
  });

  test("our client shows the same", async () => {
    const name = `${registry.address}/ours/app:v1`;
    const { digest } = await publish(name);
    const pulled = await engine().berth(["pull", name]);
    expect(pulled.stdout).toContain(
      `Digest: ${digest}\nStatus: Downloaded newer image for ${name}\n${name}\n`,
    );
    const pushed = await engine().berth(["push", name]);
    expect(pushed.stdout).toContain("Layer already exists");
    expect(pushed.stdout).toContain(`v1: digest: ${digest}`);
    const missing = await engine().berth(["pull", `${registry.address}/ours/none`]);
    expect(missing.code).toBe(1);
    expect(missing.stderr).toContain("not found: manifest unknown");
    await docker("rmi", name);
  });
});

describe("beside skopeo", () => {
  const formats = [
    ["Docker's format, gzip", ["--format", "v2s2"]],
    ["OCI, gzip", ["--format", "oci"]],
    ["OCI, zstd", ["--format", "oci", "--dest-compress", "--dest-compress-format", "zstd"]],
    ["OCI, uncompressed", ["--format", "oci", "--dest-decompress"]],
  ] as const;

  test.each(formats)("what skopeo wrote (%s) goes through us with equal digests", async (_, options) => {
    const source = `${registry.address}/skopeo/source:v1`;
    const { id } = await publish(source);
    const written = join(directory, "written");
    rmSync(written, { recursive: true, force: true });
    // Only from a folder does it compress anew.
    await skopeo("copy", ...PLAIN, "--dest-decompress", `docker://${source}`, `dir:${written}`);
    const given = `${registry.address}/skopeo/given:v1`;
    await skopeo(
      "copy",
      ...PLAIN,
      ...options.filter((option) => option !== "--dest-decompress"),
      `dir:${written}`,
      `docker://${given}`,
    );
    const digest = await digestThere("skopeo/given", "v1");
    expect(await docker("pull", given)).toContain(`Digest: ${digest}`);
    expect((await dockerResult(["run", "--rm", given, "echo", "alive"])).stdout).toBe("alive\n");
    const back = `${registry.address}/skopeo/back:v1`;
    await docker("tag", given, back);
    expect(await docker("push", back)).toContain(`v1: digest: ${digest}`);
    await docker("rmi", given, back);
    expect(id).not.toBe("");
  });

  test("what we wrote is whole to skopeo", async () => {
    const name = `${registry.address}/skopeo/ours:v1`;
    const { id } = await publish(name);
    const inspected = JSON.parse(await skopeo("inspect", "--tls-verify=false", "--raw", `docker://${name}`));
    expect(inspected.config.digest).toBe(id);
    const layout = join(directory, "layout");
    await skopeo("copy", ...PLAIN, `docker://${name}`, `oci:${layout}:v1`);
    await skopeo("copy", ...PLAIN, `oci:${layout}:v1`, `docker://${registry.address}/skopeo/again:v1`);
    expect(await docker("pull", `${registry.address}/skopeo/again:v1`)).toContain("Downloaded newer image");
    await docker("rmi", `${registry.address}/skopeo/again:v1`);
  });

  test("an index of several platforms", async () => {
    const repository = `${registry.address}/multi/app`;
    const { digest } = await publish(`${repository}:amd64`);
    const container = await docker("create", IMAGE);
    for (const architecture of ["arm64", "s390x"]) {
      const exported = await dockerResult(["export", container]);
      expect(exported.code).toBe(0);
      await docker(
        "commit",
        "-c",
        `LABEL architecture=${architecture}`,
        container,
        `${repository}:${architecture}`,
      );
      await docker("push", `${repository}:${architecture}`);
      await docker("rmi", `${repository}:${architecture}`);
    }
    await docker("rm", container);
    const manifests = [];
    for (const architecture of ["amd64", "arm64", "s390x"]) {
      const response = await registry.request("GET", `/v2/multi/app/manifests/${architecture}`, {
        headers: { Accept: "application/vnd.docker.distribution.manifest.v2+json" },
      });
      const text = await response.text();
      manifests.push({
        mediaType: response.headers.get("content-type"),
        digest: response.headers.get("docker-content-digest"),
        size: text.length,
        platform: { os: "linux", architecture },
      });
    }
    const mediaType = "application/vnd.oci.image.index.v1+json";
    const put = await registry.request("PUT", "/v2/multi/app/manifests/latest", {
      headers: { "Content-Type": mediaType },
      body: JSON.stringify({ schemaVersion: 2, mediaType, manifests }),
    });
    expect(put.status).toBe(201);
    const top = put.headers.get("docker-content-digest");

    expect(await docker("pull", repository)).toContain(`Digest: ${top}`);
    expect(manifests[0]!.digest).toBe(digest);
    await docker("pull", "--platform", "linux/s390x", repository);
    expect(await inspect(repository, "{{.Config.Labels.architecture}} {{.RepoDigests}}")).toBe(
      `s390x [${repository}@${top}]`,
    );
    const refused = await dockerResult(["pull", "--platform", "linux/riscv64", repository]);
    expect(refused.stderr).toContain("no matching manifest for linux/riscv64 in the manifest list entries");
    const shown = JSON.parse(await docker("manifest", "inspect", "--insecure", repository));
    expect(shown.manifests.length).toBe(3);
    const asked = await engine().api("GET", `/v1.45/distribution/${repository}:latest/json`);
    expect(await asked.json()).toMatchObject({
      Descriptor: { mediaType, digest: top },
      Platforms: [{ architecture: "amd64" }, { architecture: "arm64" }, { architecture: "s390x" }],
    });
    await docker("rmi", repository);
  });
});

describe("a registry with passwords, and TLS", () => {
  test.each([false, true])("TLS: %p", async (tls) => {
    await using closed = await startRegistry({ tls, users: { me: "se:cret" } });
    const name = `${closed.address}/private/app:v1`;
    await docker("tag", IMAGE, name);
    expect((await dockerResult(["push", name])).stderr).toContain("no basic auth credentials");
    const wrong = await dockerResult(["login", "-u", "me", "--password-stdin", closed.address], {
      stdin: "wrong",
    });
    expect(wrong.code).toBe(1);
    expect(wrong.stderr).toContain(`login attempt to ${closed.url}/v2/ failed with status: 401 Unauthorized`);
    const right = await dockerResult(["login", "-u", "me", "--password-stdin", closed.address], {
      stdin: "se:cret",
    });
    expect(right.stdout).toContain("Login Succeeded");
    expect(await docker("push", name)).toContain("v1: digest: sha256:");
    await docker("rmi", name);
    expect(await docker("pull", name)).toContain("Downloaded newer image");
    await docker("rmi", name);
    await docker("logout", closed.address);
    expect((await dockerResult(["pull", name])).stderr).toContain("no basic auth credentials");

    const ours = await engine().berth(["login", "-u", "me", "--password-stdin", closed.address], {
      stdin: "se:cret\n",
    });
    expect(ours.stdout).toContain("Login Succeeded");
    expect((await engine().berth(["pull", name])).stdout).toContain("Downloaded newer image");
    expect((await engine().berth(["logout", closed.address])).code).toBe(0);
    expect((await engine().berth(["pull", name])).stderr).toContain("no basic auth credentials");
    await docker("rmi", name);
    expect(engine().log()).not.toContain("se:cret");
  });
});

test("daemon.json: mirrors of any registry, blocked ones, and a changed file after SIGHUP", async () => {
  const name = `${registry.address}/mirrored/app:v1`;
  const { id } = await publish(name);
  const config = join(directory, "daemon.json");
  const write = (blocked: boolean) =>
    Bun.write(
      config,
      JSON.stringify({
        registries: [
          // Nobody is at 127.0.0.1:1; its images are at the mirror.
          { prefix: "127.0.0.1:1/team", mirrors: [`http://${registry.address}`], blocked },
        ],
        "insecure-registries": ["registry.example:5000"],
      }),
    );
  await write(false);
  await using other = await startEngine({ withoutImage: true, args: ["--config-file", config] });
  await docker("pull", name);
  await docker("tag", name, `${registry.address}/team/app:v1`);
  await docker("push", `${registry.address}/team/app:v1`);
  await docker("rmi", name, `${registry.address}/team/app:v1`);
  expect((await other.docker(["pull", "127.0.0.1:1/team/app:v1"])).stdout).toContain(
    "Downloaded newer image",
  );
  expect(
    (await other.docker(["image", "inspect", "-f", "{{.Id}}", "127.0.0.1:1/team/app:v1"])).stdout.trim(),
  ).toBe(id);
  expect((await other.docker(["pull", "127.0.0.1:1/else/app:v1"])).stderr).toContain("connection refused");
  expect((await other.docker(["info"])).stdout).toContain("registry.example:5000");
  await write(true);
  process.kill(other.pid, "SIGHUP");
  await eventually(
    async () => (await other.docker(["pull", "127.0.0.1:1/team/app:v2"])).stderr.includes("is blocked by"),
    true,
  );
});

describe("interrupted", () => {
  test("a daemon that is killed in a pull goes on where it was", async () => {
    await using other = await startEngine({ withoutImage: true });
    const name = `${registry.address}/killed/app:v1`;
    const { id } = await publish(name);
    // Between us and the registry: it stops in the middle of each large answer, until it is told not to.
    let holds = true;
    const ranges: (string | undefined)[] = [];
    const held = Promise.withResolvers<void>();
    const between = createServer(async (request, response) => {
      const upstream = await registry.request(request.method ?? "GET", request.url ?? "/", {
        headers: Object.fromEntries(
          Object.entries(request.headers).filter(([key]) => ["accept", "range"].includes(key)) as [
            string,
            string,
          ][],
        ),
      });
      const body = Buffer.from(await upstream.arrayBuffer());
      const headers = Object.fromEntries(
        [...upstream.headers].filter(([key]) => key !== "transfer-encoding"),
      );
      response.writeHead(upstream.status, headers);
      const isLayer = request.url?.includes("/blobs/") === true && body.length > 100_000;
      if (isLayer) ranges.push(request.headers.range);
      if (!isLayer || !holds) return void response.end(request.method === "HEAD" ? undefined : body);
      response.write(body.subarray(0, body.length / 2));
      held.resolve();
    });
    await new Promise<void>((resolve) => void between.listen(0, "127.0.0.1", resolve));
    try {
      const { port } = between.address() as { port: number };
      const through = `127.0.0.1:${port}/killed/app:v1`;
      const pulling = other.docker(["pull", through]);
      await held.promise;
      // So that a part of it has reached the disk.
      await Bun.sleep(300);
      await other.kill();
      expect((await pulling).code).not.toBe(0);
      holds = false;
      await other.start();
      expect((await other.docker(["images", "-q"])).stdout).toBe("");
      expect((await other.docker(["pull", through])).stdout).toContain("Downloaded newer image");
      expect((await other.docker(["images", "-q", "--no-trunc"])).stdout.trim()).toBe(id);
      expect(ranges.length).toBe(2);
    } finally {
      between.closeAllConnections();
      between.close();
    }
  });
});

test("search asks the index", async () => {
  const index = createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://index");
    if (url.pathname !== "/v1/search") return void response.writeHead(404).end();
    const result = (name: string, stars: number, official: boolean) => ({
      name,
      description: `${name} as asked for by ${url.searchParams.get("q")}`,
      star_count: stars,
      is_official: official,
    });
    response.end(JSON.stringify({ results: [result("first", 9, true), result("second", 1, false)] }));
  });
  await new Promise<void>((resolve) => void index.listen(0, "127.0.0.1", resolve));
  try {
    const { port } = index.address() as { port: number };
    const format = "{{.Name}} {{.StarCount}} {{.IsOfficial}} {{.Description}}";
    const found = await docker("search", "--format", format, `127.0.0.1:${port}/term`);
    expect(found.split("\n")[0]).toContain("first 9");
    expect(found.split("\n")[0]).toContain("as asked for by term");
    expect(found.split("\n").length).toBe(2);
    const official = await docker(
      "search",
      "-f",
      "is-official=true",
      "--format",
      "{{.Name}}",
      `127.0.0.1:${port}/term`,
    );
    expect(official).toBe("first");
    expect((await engine().berth(["search", "-f", "stars=5", `127.0.0.1:${port}/term`])).stdout).toContain(
      "first",
    );
    expect((await dockerResult(["search", "--limit", "101", `127.0.0.1:${port}/x`])).stderr).toContain(
      "limit 101 is outside the range of [1, 100]",
    );
  } finally {
    index.close();
  }
});
