// Manifest lists: our client and the real docker client, step by step beside each other on the same registry.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CommandResult, IMAGE } from "../support/engine.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import { useEngine } from "../support/suite.ts";

const { docker, engine } = useEngine();
let registry: TestRegistry;
let directory: string;

beforeAll(async () => {
  registry = await startRegistry();
  directory = mkdtempSync(join(tmpdir(), "berth-manifest-test-"));
  await publish("multi/a:1", "linux/amd64");
  await publish("multi/b:1", "linux/arm64/v8");
});

afterAll(async () => {
  await registry[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true, force: true });
});

const at = (name: string) => `${registry.address}/${name}`;

async function publish(name: string, platform: string): Promise<void> {
  await docker("run", "--name", "source", IMAGE, "sh", "-c", `echo ${platform} > /platform`);
  const tar = join(directory, "root.tar");
  await docker("export", "-o", tar, "source");
  await docker("rm", "source");
  await docker("import", "--platform", platform, tar, at(name));
  await docker("push", at(name));
}

/** One of the two clients, with a configuration of its own. */
class Client {
  readonly config: string;
  readonly #run: "docker" | "berth";

  constructor(run: "docker" | "berth", name: string) {
    this.#run = run;
    this.config = join(directory, name);
    mkdirSync(this.config, { recursive: true });
  }

  manifest(...args: string[]): Promise<CommandResult> {
    return engine()[this.#run](["manifest", ...args], { env: { DOCKER_CONFIG: this.config } });
  }

  /** What is kept below the configuration: path → content. */
  kept(): Record<string, unknown> {
    const root = join(this.config, "manifests");
    const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter((file) => file.isFile());
    return Object.fromEntries(
      files.map(({ parentPath, name }) => {
        const path = join(parentPath, name);
        return [path.slice(root.length), JSON.parse(readFileSync(path, "utf8"))];
      }),
    );
  }
}

describe("beside Docker's client", () => {
  const steps: [name: string, args: () => string[]][] = [
    ["inspect an image", () => ["inspect", "--insecure", at("multi/a:1")]],
    ["inspect an image, verbose", () => ["inspect", "--insecure", "--verbose", at("multi/b:1")]],
    ["inspect what is not there", () => ["inspect", "--insecure", at("multi/none:1")]],
    ["push before create", () => ["push", "--insecure", at("multi/list:1")]],
    ["create", () => ["create", "--insecure", at("multi/list:1"), at("multi/a:1"), at("multi/b:1")]],
    ["create again", () => ["create", "--insecure", at("multi/list:1"), at("multi/a:1")]],
    ["amend", () => ["create", "--insecure", "--amend", at("multi/list:1"), at("multi/a:1")]],
    ["inspect the local list", () => ["inspect", at("multi/list:1")]],
    ["inspect one of the local list", () => ["inspect", "-v", at("multi/list:1"), at("multi/b:1")]],
    [
      "annotate",
      () => [
        "annotate",
        at("multi/list:1"),
        at("multi/a:1"),
        ...["--os-features", "a,b", "--os-version", "1.2", "--variant", "v3"],
      ],
    ],
    ["annotate wrongly", () => ["annotate", at("multi/list:1"), at("multi/a:1"), "--arch", "nonsense"]],
    ["annotate what is not in it", () => ["annotate", at("multi/list:1"), at("multi/c:1"), "--arch", "arm"]],
    ["inspect what was annotated", () => ["inspect", "-v", at("multi/list:1")]],
    ["push", () => ["push", "--insecure", at("multi/list:1")]],
    ["push and purge", () => ["push", "--insecure", "--purge", at("multi/list:1")]],
    ["inspect the pushed list", () => ["inspect", "--insecure", at("multi/list:1")]],
    ["inspect the pushed list, verbose", () => ["inspect", "--insecure", "-v", at("multi/list:1")]],
    ["a list in a list", () => ["create", "--insecure", at("multi/other:1"), at("multi/list:1")]],
    ["a name that is none", () => ["create", "--insecure", at("BAD"), at("multi/a:1")]],
    ["remove what is not there", () => ["rm", at("multi/list:1"), at("multi/none:1")]],
    ["create for another registry", () => ["create", "--insecure", "localhost:1/x:1", at("multi/a:1")]],
    ["push to another registry", () => ["push", "--insecure", "localhost:1/x:1"]],
    ["remove", () => ["rm", "localhost:1/x:1"]],
  ];

  test("every step prints the same, ends the same and keeps the same", async () => {
    const [ours, theirs] = [new Client("berth", "ours"), new Client("docker", "theirs")];
    for (const [name, args] of steps) {
      const expected = await theirs.manifest(...args());
      expect({ name, ...(await ours.manifest(...args())) }).toEqual({ name, ...expected });
      const isCreated = name === "create" || name === "annotate";
      if (isCreated) expect(ours.kept()).toEqual(theirs.kept());
    }
  });
});

test("one client goes on with what the other began", async () => {
  const [ours, theirs] = [new Client("berth", "shared"), new Client("docker", "shared")];
  const list = at("shared/list:1");
  expect(await theirs.manifest("create", "--insecure", list, at("multi/a:1"))).toMatchObject({ code: 0 });
  expect(await ours.manifest("create", "--amend", list, at("multi/b:1"))).toMatchObject({ code: 0 });
  expect(await theirs.manifest("annotate", list, at("multi/b:1"), "--variant", "v7")).toMatchObject({
    code: 0,
  });
  const pushed = await ours.manifest("push", list);
  expect(pushed.stdout).toMatch(
    /^(Pushed ref \S+\/shared\/list@(sha256:\S+) with digest: \2\n){2}sha256:\S+\n$/,
  );
});

test("a pushed list is pulled for the platform that is asked for", async () => {
  const ours = new Client("berth", "pulled");
  const list = at("pulled/list:1");
  expect(await ours.manifest("create", list, at("multi/a:1"), at("multi/b:1"))).toMatchObject({ code: 0 });
  expect(await ours.manifest("push", "--purge", list)).toMatchObject({ code: 0 });
  await docker("pull", "--platform", "linux/arm64", list);
  expect(await docker("image", "inspect", "-f", "{{.Architecture}}", list)).toBe("arm64");
  await docker("rmi", list);
});
