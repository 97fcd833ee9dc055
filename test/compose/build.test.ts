// Images of services: built, fetched, sent; which of that `up` does is what their pull policies say.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildFolders } from "../support/build-folder.ts";
import { AGAINST_DOCKER, type CommandOptions, type CommandResult, IMAGE } from "../support/engine.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import { eventually, useEngine } from "../support/suite.ts";
import { RunningCompose } from "./running.ts";

const { engine, docker, inspect } = useEngine();
const folderOf = buildFolders();

const compose = (
  cwd: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> => engine().berth(["compose", ...args], { cwd, timeoutMs: 120_000, ...options });

async function must(
  cwd: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const result = await compose(cwd, args, options);
  expect(result, args.join(" ")).toMatchObject({ code: 0 });
  return result;
}

// Debian's dockerd has neither further contexts nor checks, and sees no registry of this network.
describe.skipIf(AGAINST_DOCKER)("build", () => {
  test("an image is built with all that its service says", async () => {
    const folder = folderOf({
      "src/docker/Dockerfile.app": `FROM base AS first
ARG WHO=nobody
ARG GIVEN
COPY --from=lib shared.txt /shared.txt
RUN --mount=type=secret,id=token cp /run/secrets/token /token
RUN --mount=type=secret,id=key,target=/key cp /key /key.copy
RUN cat /etc/hosts > /hosts
RUN ulimit -n > /nofile; df -k /dev/shm | tail -1 | awk '{print $2}' > /shm
RUN echo "$WHO $GIVEN" > /who
FROM first AS last
RUN false
`,
      "src/.dockerignore": "*.log\n",
      "src/ignored.log": "x",
      "lib/shared.txt": "shared",
      key: "the key",
      "compose.yaml": `name: attributes
services:
  app:
    image: attributes/app:1
    build:
      context: ./src
      dockerfile: docker/Dockerfile.app
      target: first
      args: { WHO: file, GIVEN: }
      labels: { made.by: compose }
      tags: [attributes/app:two]
      additional_contexts: { lib: ./lib, base: "service:base" }
      secrets: [token, { source: key-file, target: key }]
      extra_hosts: [extra.host=10.9.8.7]
      shm_size: 16m
      ulimits: { nofile: { soft: 123, hard: 456 } }
      network: default
      cache_to: [type=inline]
      no_cache_filter: [first]
  base:
    build:
      context: .
      dockerfile_inline: |
        FROM ${IMAGE}
        RUN echo base > /base
secrets:
  token: { environment: TOKEN }
  key-file: { file: ./key }
`,
    });
    const env = { TOKEN: "s3cret", GIVEN: "by environment" };
    const { stdout, stderr } = await must(folder, ["build", "--build-arg", "WHO=flag", "app"], { env });
    expect(stdout + stderr).toMatch(/Image attributes\/app:1\s+Built/);
    const read = "for f in base shared.txt token key.copy hosts nofile shm who; do cat $f; echo; done";
    const said = await docker("run", "--rm", "attributes/app:two", "sh", "-c", read);
    const lines = said.split("\n").filter((line) => line !== "");
    expect(lines.slice(0, 4)).toEqual(["base", "shared", "s3cret", "the key"]);
    expect(said).toMatch(/10\.9\.8\.7\s+extra\.host/);
    expect(lines.slice(-3)).toEqual(["123", "16384", "flag by environment"]);
    const labels = JSON.parse(await inspect("attributes/app:1", "{{json .Config.Labels}}"));
    expect(labels).toMatchObject({
      "made.by": "compose",
      "com.docker.compose.project": "attributes",
      "com.docker.compose.service": "app",
    });
    expect(await docker("images", "-q", "attributes-base")).not.toBe("");
  }, 120_000);

  test("the steps have the proxies that the client's configuration gives", async () => {
    const folder = folderOf({
      "compose.yaml": `name: proxied
services:
  app:
    build:
      dockerfile_inline: |
        FROM ${IMAGE}
        RUN echo $$http_proxy $$NO_PROXY > /proxies
      args: { NO_PROXY: own }
`,
      "config/config.json": JSON.stringify({
        proxies: { default: { httpProxy: "http://proxy:1", noProxy: "given" } },
      }),
    });
    await must(folder, ["build"], { env: { DOCKER_CONFIG: join(folder, "config") } });
    expect(await docker("run", "--rm", "proxied-app", "cat", "/proxies")).toBe("http://proxy:1 own");
  });

  test("--print, --check and --dry-run build nothing; what fails says which and why", async () => {
    const folder = folderOf({
      Dockerfile: `from ${IMAGE} AS Stage\nRUN echo to nobody && exit 9\n`,
      "compose.yaml":
        "name: failing\nservices:\n  a: { build: . }\n  b: { build: { context: ., isolation: hyperv } }\n",
    });
    const printed = JSON.parse((await must(folder, ["build", "--print", "a"])).stdout);
    expect(printed.target.a).toMatchObject({ context: folder, tags: ["failing-a"] });
    const checked = await must(folder, ["build", "--check", "a"]);
    expect(checked.stdout).toContain("StageNameCasing");
    await must(folder, ["--dry-run", "build", "a"]);
    const failed = await compose(folder, ["build", "a"]);
    expect(failed.code).not.toBe(0);
    expect(failed.stderr).toContain("to nobody");
    expect(failed.stderr).toContain("exit code: 9");
    const refused = await compose(folder, ["build", "b"]);
    expect(refused.stderr).toContain('service "b": build.isolation: "hyperv"');
    expect((await compose(folder, ["build", "--builder", "other", "a"])).code).toBe(1);
    expect(await docker("images", "-q", "failing-a")).toBe("");
  }, 60_000);
});

test("Ctrl-C ends a build and its steps", async () => {
  const folder = folderOf({
    "compose.yaml": `name: long
services:
  app: { build: { dockerfile_inline: "FROM ${IMAGE}\\nRUN echo begun && sleep 1234" } }
`,
  });
  await using build = new RunningCompose(engine(), folder, ["build"]);
  await build.said("begun");
  expect(await build.interrupt()).toBe(130);
  await eventually(async () => Bun.spawnSync(["pgrep", "-fx", "sleep 1234"]).stdout.toString(), "");
});

describe("up", () => {
  test("builds what is missing, and anew with --build; only a changed image makes a new container", async () => {
    const folder = folderOf({
      Dockerfile: `FROM ${IMAGE}\nCOPY text /text\nCMD ["sh", "-c", "trap exit TERM; sleep 1000 & wait"]\n`,
      text: "one",
      "compose.yaml": "name: upbuild\nservices:\n  app: { build: . }\n",
    });
    await must(folder, ["up", "-d"]);
    const [first, image] = (await inspect("upbuild-app-1", "{{.Id}} {{.Image}}")).split(" ");
    expect(await inspect("upbuild-app-1", '{{index .Config.Labels "com.docker.compose.image"}}')).toBe(
      image!,
    );
    writeFileSync(join(folder, "text"), "two");
    await must(folder, ["up", "-d"]);
    expect(await inspect("upbuild-app-1", "{{.Id}}")).toBe(first!);
    await must(folder, ["up", "-d", "--build"]);
    expect(await inspect("upbuild-app-1", "{{.Id}}")).not.toBe(first);
    expect(await docker("exec", "upbuild-app-1", "cat", "/text")).toBe("two");
    const second = await inspect("upbuild-app-1", "{{.Id}}");
    await must(folder, ["up", "-d", "--build"]);
    expect(await inspect("upbuild-app-1", "{{.Id}}")).toBe(second);
    await docker("rm", "-f", "upbuild-app-1");
    await docker("rmi", "upbuild-app");
    const none = await compose(folder, ["up", "-d", "--no-build"]);
    expect(none.code).toBe(1);
    expect(none.stderr).toContain("No such image: upbuild-app");
    await must(folder, ["down"]);
  }, 60_000);
});

describe.skipIf(AGAINST_DOCKER)("with a registry", () => {
  let registry: TestRegistry;
  beforeAll(async () => {
    registry = await startRegistry();
  });
  afterAll(async () => {
    await registry[Symbol.asyncDispose]();
  });

  test("push sends what is built here, pull fetches it, up fetches what is missing", async () => {
    const { address } = registry;
    const folder = folderOf({
      Dockerfile: `FROM ${IMAGE}\nRUN echo pushed > /text\nCMD ["cat", "/text"]\n`,
      "compose.yaml": `name: far
services:
  made: { image: "${address}/made:1", build: { context: ., tags: ["${address}/made:also"] } }
  other: { image: ${IMAGE} }
`,
      "run.yaml": `name: far
services:
  app: { image: "${address}/made:1" }
  again: { image: "${address}/made:1", pull_policy: never }
`,
    });
    await must(folder, ["build"]);
    const pushed = await must(folder, ["push"]);
    expect(pushed.stderr).toContain("made:1");
    for (const tag of ["1", "also"]) {
      const there = await registry.request("HEAD", `/v2/made/manifests/${tag}`);
      expect(there.status).toBe(200);
    }
    const forget = () => docker("rmi", `${address}/made:1`, `${address}/made:also`);
    await forget();
    await must(folder, ["-f", "run.yaml", "pull"]);
    expect(await docker("run", "--rm", `${address}/made:1`)).toBe("pushed");
    await docker("rmi", `${address}/made:1`);
    const never = await compose(folder, ["-f", "run.yaml", "create", "again"]);
    expect(never.stderr).toContain("No such image");
    await must(folder, ["-f", "run.yaml", "up", "-d", "app"]);
    // What can be built is fetched where it is missing, and built where the registry does not have it.
    await docker("rm", "-f", "far-app-1");
    await docker("rmi", `${address}/made:1`);
    const requests = () => registry.log().split("GET /v2/made/manifests/1").length;
    const before = requests();
    await must(folder, ["create", "made"]);
    expect(requests()).toBeGreaterThan(before);
    writeFileSync(
      join(folder, "missing.yaml"),
      `name: far\nservices:\n  gone: { image: "${address}/gone:1" }\n`,
    );
    const gone = await compose(folder, ["-f", "missing.yaml", "pull"]);
    expect(gone.code).toBe(1);
    expect(gone.stderr).toContain("gone");
    await must(folder, ["-f", "missing.yaml", "pull", "--ignore-pull-failures"]);
  }, 60_000);

  test("credentials of the client's configuration open a registry's door", async () => {
    await using closed = await startRegistry({ users: { me: "se:cret" } });
    const { address } = closed;
    const folder = folderOf({
      Dockerfile: `FROM ${IMAGE}\nRUN true\n`,
      "compose.yaml": `name: shut\nservices:\n  made: { image: "${address}/made:1", build: . }\n`,
      "config/config.json": JSON.stringify({ auths: { [address]: { auth: btoa("me:se:cret") } } }),
      "none/config.json": "{}",
    });
    const as = (name: string) => ({ env: { DOCKER_CONFIG: join(folder, name) } });
    await must(folder, ["build"]);
    expect((await compose(folder, ["push"], as("none"))).code).toBe(1);
    await must(folder, ["push"], as("config"));
    await docker("rmi", `${address}/made:1`);
    expect((await compose(folder, ["pull"], as("none"))).code).toBe(1);
    await must(folder, ["pull"], as("config"));
    expect(await docker("images", "-q", `${address}/made`)).not.toBe("");
  }, 60_000);
});
