// testcontainers as programs' tests use it. DOCKER_HOST tells which engine; IMAGE a small image that is there, PRIVATE_IMAGE one of a
// registry whose password is in DOCKER_CONFIG, COMPOSE_FOLDER a folder with a compose file; POSTGRES and REDIS images of these, where there are any.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { PostgreSqlContainer } from "@testcontainers/postgresql";
import { RedisContainer } from "@testcontainers/redis";
import pg from "pg";
import { createClient } from "redis";
import {
  DockerComposeEnvironment,
  GenericContainer,
  getContainerRuntimeClient,
  Network,
  PullPolicy,
  Wait,
} from "testcontainers";
import { textOf } from "./streams.mjs";

const { IMAGE, PRIVATE_IMAGE, POSTGRES, REDIS, COMPOSE_FOLDER } = process.env;
const hasServices = POSTGRES !== undefined;
const folder = mkdtempSync(join(tmpdir(), "berth-testcontainers-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const idle = ["sh", "-c", "trap 'exit 0' TERM; sleep 600 & wait"];
const page = ["sh", "-c", "mkdir /page; echo hello > /page/index.html; exec httpd -f -v -p 8080 -h /page"];
const small = () => new GenericContainer(IMAGE);
const urlOf = (container) => `http://${container.getHost()}:${container.getMappedPort(8080)}`;

test("a container that is ready by its log", async () => {
  const script = "echo starting; sleep 0.2; echo 'ready to serve 1'; echo 'ready to serve 2'; sleep 600";
  await using container = await small()
    .withCommand(["sh", "-c", script])
    .withWaitStrategy(Wait.forLogMessage(/ready to serve \d/, 2))
    .start();
  assert.match(container.getId(), /^[0-9a-f]{64}$/);
  const logs = await container.logs();
  let text = "";
  for await (const line of logs) {
    text += line;
    if (text.includes("serve 2")) break;
  }
  assert.equal(text, "starting\nready to serve 1\nready to serve 2\n");
});

test("by its listening port, and reached there", async () => {
  await using container = await small().withCommand(page).withExposedPorts(8080).start();
  assert.equal(await (await fetch(urlOf(container))).text(), "hello\n");
  assert.notEqual(container.getFirstMappedPort(), 8080);
});

test("by HTTP", async () => {
  await using container = await small()
    .withCommand(["sh", "-c", `sleep 0.3; ${page[2]}`])
    .withExposedPorts(8080)
    .withWaitStrategy(Wait.forHttp("/", 8080).forResponsePredicate((body) => body === "hello\n"))
    .start();
  assert.equal((await fetch(`${urlOf(container)}/none`)).status, 404);
});

test("by its health check", async () => {
  await using container = await small()
    .withCommand(["sh", "-c", "sleep 0.3; touch /healthy; sleep 600"])
    .withHealthCheck({ test: ["CMD-SHELL", "test -f /healthy"], interval: 200, timeout: 1000, retries: 50 })
    .withWaitStrategy(Wait.forHealthCheck())
    .start();
  assert.equal((await container.exec(["ls", "/healthy"])).exitCode, 0);
});

test("by a command, by all of several, and by its end", async () => {
  await using container = await small()
    .withCommand(["sh", "-c", "sleep 0.3; touch /made; echo up; sleep 600"])
    .withWaitStrategy(Wait.forAll([Wait.forSuccessfulCommand("test -f /made"), Wait.forLogMessage("up")]))
    .start();
  assert.ok(container.getName().length > 0);
  await using once = await small()
    .withCommand(["sh", "-c", "echo once"])
    .withWaitStrategy(Wait.forOneShotStartup())
    .start();
  assert.equal(await textOf(await once.logs()), "once\n");
});

test("one that never gets ready is told so, and is gone", async () => {
  const starting = small()
    .withName("never-ready")
    .withCommand(["sleep", "600"])
    .withWaitStrategy(Wait.forLogMessage("never").withStartupTimeout(300))
    .start();
  await assert.rejects(starting, /Log message "never" not received after 300ms/);
  const client = await getContainerRuntimeClient();
  const all = await client.container.list();
  assert.ok(!all.some(({ Names }) => Names.includes("/never-ready")));
});

test("one that ends at once is told so", async () => {
  const starting = small()
    .withCommand(["sh", "-c", "exit 4"])
    .withWaitStrategy(Wait.forOneShotStartup())
    .start();
  await assert.rejects(starting, /Container failed to start for [0-9a-f]{64}/);
});

test("an image that nobody has", async () => {
  await assert.rejects(new GenericContainer("127.0.0.1:1/not/there:1").start(), /127\.0\.0\.1:1/);
});

test("an image of a registry that wants a password, which the user's settings have", async () => {
  await using container = await new GenericContainer(PRIVATE_IMAGE)
    .withPullPolicy(PullPolicy.alwaysPull())
    .withCommand(idle)
    .start();
  assert.equal((await container.exec(["echo", "pulled"])).output, "pulled\n");
});

test("many at once", async () => {
  const starting = Array.from({ length: 6 }, () => small().withCommand(page).withExposedPorts(8080).start());
  const containers = await Promise.all(starting);
  const pages = await Promise.all(
    containers.map(async (container) => (await fetch(urlOf(container))).text()),
  );
  assert.deepEqual(pages, Array(6).fill("hello\n"));
  await Promise.all(containers.map((container) => container.stop({ timeout: 0 })));
});

test("files and folders go in and come out", async () => {
  writeFileSync(join(folder, "one.txt"), "one");
  await using container = await small()
    .withCommand(idle)
    .withCopyFilesToContainer([{ source: join(folder, "one.txt"), target: "/in/one.txt", mode: 0o640 }])
    .withCopyContentToContainer([{ content: "some content", target: "/in/content.txt" }])
    .withCopyDirectoriesToContainer([{ source: folder, target: "/folder" }])
    .start();
  const read = await container.exec(["sh", "-c", "cat /in/* /folder/one.txt; stat -c %a /in/one.txt"]);
  assert.equal(read.output, "some contentoneone640\n");
  await container.copyContentToContainer([{ content: "later", target: "/in/later.txt" }]);
  const tar = await container.copyArchiveFromContainer("/in/later.txt");
  assert.ok((await textOf(tar)).includes("later"));
});

test("exec with its output apart, a user, a folder and variables", async () => {
  await using container = await small().withCommand(idle).withEnvironment({ FROM_START: "a" }).start();
  const result = await container.exec(
    ["sh", "-c", 'echo "$FROM_START $MORE $(pwd) $(id -un)"; echo no >&2; exit 6'],
    {
      env: { MORE: "b" },
      workingDir: "/tmp",
      user: "nobody",
    },
  );
  assert.equal(result.stdout, "a b /tmp nobody\n");
  assert.equal(result.stderr, "no\n");
  assert.equal(result.exitCode, 6);
});

test("options that decide how it runs", async () => {
  await using container = await small()
    .withCommand(idle)
    .withName("testcontainers-options")
    .withHostname("its-name")
    .withUser("www-data")
    .withWorkingDir("/tmp")
    .withTmpFs({ "/scratch": "rw,size=1m,mode=1777" })
    .withBindMounts([{ source: folder, target: "/bound", mode: "ro" }])
    .withLabels({ purpose: "test" })
    .withExtraHosts([{ host: "somewhere", ipAddress: "10.9.8.7" }])
    .withUlimits({ nofile: { hard: 1000, soft: 1000 } })
    .withResourcesQuota({ memory: 0.25, cpu: 0.5 })
    .withSharedMemorySize(8 << 20)
    .withDroppedCapabilities("CHOWN")
    .start();
  assert.equal(container.getHostname(), "its-name");
  assert.equal(container.getLabels().purpose, "test");
  const script =
    "id -un; pwd; df -k /scratch | tail -1 | awk '{print $2}'; grep somewhere /etc/hosts; ulimit -n";
  const { output } = await container.exec(["sh", "-c", script]);
  assert.equal(output, "www-data\n/tmp\n1024\n10.9.8.7\tsomewhere\n1000\n");
  const bound = await container.exec(["touch", "/bound/x"], { user: "root" });
  assert.match(bound.stderr, /Read-only file system/);
});

test("stop, restart and what is left", async () => {
  const container = await small().withCommand(page).withExposedPorts(8080).start();
  await container.exec(["touch", "/tmp/kept"]);
  await container.restart({ timeout: 0 });
  assert.equal((await container.exec(["ls", "/tmp"])).output, "kept\n");
  assert.equal((await fetch(urlOf(container))).status, 200);
  const stopped = await container.stop({ remove: false, timeout: 0 });
  assert.equal(stopped.getId(), container.getId());
  assert.ok((await textOf(await stopped.copyArchiveFromContainer("/page/index.html"))).includes("hello"));
  const client = await getContainerRuntimeClient();
  await client.container.remove(client.container.getById(stopped.getId()));
});

test("containers find each other on a network", async () => {
  await using network = await new Network().start();
  await using server = await small()
    .withCommand(page)
    .withExposedPorts(8080)
    .withNetwork(network)
    .withNetworkAliases("server")
    .start();
  await using client = await small().withCommand(idle).withNetwork(network).start();
  const { output } = await client.exec(["nslookup", "server", "127.0.0.11"]);
  assert.ok(output.includes(server.getIpAddress(network.getName())), output);
});

async function build(kit) {
  const dockerfile = `FROM ${IMAGE} AS base
ARG WHO=nobody
RUN echo "built for $WHO" > /who
COPY one.txt /
FROM base AS last
RUN exit 1
`;
  writeFileSync(join(folder, "Dockerfile"), dockerfile);
  writeFileSync(join(folder, "one.txt"), "one");
  const building = GenericContainer.fromDockerfile(folder)
    .withBuildArgs({ WHO: "you" })
    .withTarget("base")
    .withCache(false)
    .withPullPolicy(PullPolicy.defaultPolicy());
  const image = await (kit ? building.withBuildkit() : building).build();
  await using container = await image.withCommand(idle).start();
  assert.equal((await container.exec(["cat", "/who", "/one.txt"])).output, "built for you\none");
  const failing = GenericContainer.fromDockerfile(folder);
  await assert.rejects((kit ? failing.withBuildkit() : failing).build());
}

test("an image built from a Dockerfile", () => build(false));

test("an image built from a Dockerfile by BuildKit", () => build(true));

test("a container that is used again", async () => {
  const make = () => small().withCommand(["sleep", "601"]).withReuse();
  const first = await make().start();
  const again = await make().start();
  assert.equal(again.getId(), first.getId());
  await again.stop({ timeout: 0 });
});

test("an image made of a container", async () => {
  await using container = await small().withCommand(idle).start();
  await container.exec(["sh", "-c", "echo kept > /kept"]);
  const id = await container.commit({ repo: "testcontainers", tag: "kept", changes: ["ENV A=b"] });
  assert.match(id, /^sha256:/);
  await using copy = await new GenericContainer("testcontainers:kept").withCommand(idle).start();
  assert.equal((await copy.exec(["sh", "-c", "cat /kept; echo $A"])).output, "kept\nb\n");
});

test("a compose file", { skip: COMPOSE_FOLDER === undefined }, async () => {
  const environment = await new DockerComposeEnvironment(COMPOSE_FOLDER, "compose.yaml")
    .withBuild()
    .withEnvironment({ WORD: "word" })
    .withWaitStrategy("web-1", Wait.forListeningPorts())
    .up();
  try {
    const web = environment.getContainer("web-1");
    assert.equal(await (await fetch(`http://${web.getHost()}:${web.getMappedPort(8080)}`)).text(), "word\n");
    assert.equal(
      (await environment.getContainer("other-1").exec(["cat", "/data/made"])).output,
      "by other\n",
    );
  } finally {
    await environment.down({ removeVolumes: true, timeout: 0 });
  }
});

test("PostgreSQL, asked by a client, and taken back to a snapshot", { skip: !hasServices }, async () => {
  await using container = await new PostgreSqlContainer(POSTGRES)
    .withDatabase("shop")
    .withUsername("keeper")
    .withPassword("secret")
    .withCopyContentToContainer([
      {
        content: "CREATE TABLE items (name text); INSERT INTO items VALUES ('first');",
        target: "/docker-entrypoint-initdb.d/1.sql",
      },
    ])
    .start();
  const ask = async (text) => {
    const client = new pg.Client({ connectionString: container.getConnectionUri() });
    await client.connect();
    try {
      return (await client.query(text)).rows;
    } finally {
      await client.end();
    }
  };
  assert.deepEqual(await ask("SELECT name FROM items"), [{ name: "first" }]);
  await container.snapshot();
  await ask("INSERT INTO items VALUES ('second')");
  assert.deepEqual(await ask("SELECT count(*)::int AS n FROM items"), [{ n: 2 }]);
  await container.restoreSnapshot();
  assert.deepEqual(await ask("SELECT count(*)::int AS n FROM items"), [{ n: 1 }]);
});

test("Redis with a password, asked by a client", { skip: !hasServices }, async () => {
  await using container = await new RedisContainer(REDIS).withPassword("secret").start();
  const client = createClient({ url: container.getConnectionUrl() });
  await client.connect();
  await client.set("key", "value");
  assert.equal(await client.get("key"), "value");
  client.destroy();
  await using open = await new RedisContainer(REDIS).start();
  assert.match(await open.executeCliCmd("set", ["key", "value"]), /OK/);
});
