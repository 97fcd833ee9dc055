// BuildKit's own API over `POST /grpc`: what `docker buildx`, and `docker build` and `docker compose build` of today, speak.
import { expect, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { callDuplex } from "../../src/build/control/call-duplex.ts";
import { GrpcChannel } from "../../src/build/session/grpc-channel.ts";
import {
  decodeStatus,
  ENGINE_METHODS,
  Fields,
  GrpcError,
  memoryTree,
  Writer,
} from "../../src/lib/buildkit/index.ts";
import { serveCalls } from "../../src/lib/grpc/index.ts";
import { fileSync } from "../../src/sdk/builds/session/services.ts";
import { buildFolders } from "../support/build-folder.ts";
import { IMAGE, startEngine, type TestEngine } from "../support/engine.ts";
import { bePatient } from "../support/suite.ts";

bePatient();

/** A connection for calls, as Docker's client hijacks one. */
async function openGrpc(engine: TestEngine): Promise<GrpcChannel> {
  const socket = connect(engine.socket);
  socket.write("POST /grpc HTTP/1.1\r\nHost: engine\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n");
  const head = await headOf(socket);
  expect(head).toStartWith("HTTP/1.1 101 ");
  return new GrpcChannel(socket);
}

async function headOf(socket: Socket): Promise<string> {
  let head = "";
  while (!head.includes("\r\n\r\n")) {
    const bytes = socket.read() as Buffer | null;
    if (bytes === null) await new Promise((resolve) => socket.once("readable", resolve));
    else head += bytes.toString("latin1");
  }
  return head;
}

function solveRequest(ref: string, options: Record<string, string>, tag: string, session = ""): Uint8Array {
  const writer = new Writer();
  writer.text(1, ref);
  writer.text(5, session);
  writer.text(6, "dockerfile.v0");
  writer.texts(7, options);
  writer.message(13, () => {
    writer.text(1, "moby");
    writer.texts(2, { name: tag });
  });
  return writer.finish();
}

function refMessage(ref: string): Uint8Array {
  const writer = new Writer();
  writer.text(1, ref);
  return writer.finish();
}

const folder = buildFolders();

/** A context that the engine fetches. */
async function serveContext(files: Record<string, string>) {
  const tar = await Bun.$`tar -C ${folder(files)} -c .`.arrayBuffer();
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response(tar) });
  return {
    url: `http://127.0.0.1:${server.port}/context.tar`,
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}

test("builds, tells what goes on, and gives the image", async () => {
  await using engine = await startEngine();
  const dockerfile = `FROM ${IMAGE}\nARG WHO\nRUN echo hello $WHO >/greeting; cat /greeting\nCMD ["cat", "/greeting"]\n`;
  await using context = await serveContext({ Dockerfile: dockerfile });
  const channel = await openGrpc(engine);
  const workers = new Fields(await channel.unary(ENGINE_METHODS.listWorkers, new Uint8Array(0)));
  expect(workers.messages(1)).toHaveLength(1);

  await using told = channel.call(ENGINE_METHODS.status);
  await told.send(refMessage("my-build"));
  told.end();
  const options = { context: context.url, "build-arg:WHO": "grpc" };
  const solving = channel.unary(ENGINE_METHODS.solve, solveRequest("my-build", options, "built:1"));
  const logs: string[] = [];
  for await (const message of told.received) {
    for (const { bytes } of decodeStatus(message).logs) logs.push(Buffer.from(bytes).toString());
  }
  expect(logs.join("")).toContain("hello grpc");
  const response = new Fields(await solving).textMap(1);
  const id = (await engine.docker(["inspect", "-f", "{{.Id}}", "built:1"])).stdout.trim();
  expect(response.get("containerimage.config.digest")).toBe(id);
  expect((await engine.docker(["run", "--rm", "built:1"])).stdout).toBe("hello grpc\n");

  const usage = new Fields(await channel.unary(ENGINE_METHODS.diskUsage, new Uint8Array(0)));
  expect(usage.messages(1).length).toBeGreaterThan(0);
  channel.close();
});

test("a build that fails is told of, and the engine goes on; one whose client leaves is ended", async () => {
  await using engine = await startEngine();
  const dockerfile = `FROM ${IMAGE} AS bad\nRUN exit 3\nFROM ${IMAGE} AS long\nRUN sleep 1000\n`;
  await using context = await serveContext({ Dockerfile: dockerfile });
  const channel = await openGrpc(engine);
  const failed = await channel
    .unary(ENGINE_METHODS.solve, solveRequest("bad", { context: context.url, target: "bad" }, "bad:1"))
    .catch((error: GrpcError) => error);
  expect(failed).toBeInstanceOf(GrpcError);
  expect((failed as GrpcError).message).toContain("did not complete successfully: exit code: 3");

  const solving = channel
    .unary(ENGINE_METHODS.solve, solveRequest("long", { context: context.url, target: "long" }, "long:1"))
    .catch((error: unknown) => error);
  await using told = channel.call(ENGINE_METHODS.status);
  await told.send(refMessage("long"));
  told.end();
  for await (const message of told.received) {
    const isRunning = decodeStatus(message).vertexes.some(
      ({ name, started }) => name.includes("sleep 1000") && started !== undefined,
    );
    if (isRunning) break;
  }
  channel.close();
  await solving;
  expect((await engine.api("GET", "/_ping")).status).toBe(200);
});

test("without an upgrade of the connection there is an answer that says so", async () => {
  await using engine = await startEngine();
  const response = await engine.api("POST", "/grpc");
  expect(response.status).toBe(400);
  expect(await response.text()).toContain("upgrade of the connection to h2c");
});

test("what makes no sense is refused call by call, and the engine goes on", async () => {
  await using engine = await startEngine();
  const channel = await openGrpc(engine);
  const outcomes = new Set<string>();
  const methods = Object.values(ENGINE_METHODS).filter((method) => !method.endsWith("/Session"));
  for (let round = 0; round < 30; round++) {
    const calls = methods.map(async (method) => {
      const noise = crypto.getRandomValues(new Uint8Array(round * 7));
      const options = { metadata: { "buildkit-controlapi-buildid": [`noise-${round}`] }, timeoutMs: 300 };
      return channel.unary(method, noise, options).then(
        () => "answered",
        (error: unknown) => (error instanceof GrpcError ? "refused" : String(error)),
      );
    });
    for (const outcome of await Promise.all(calls)) outcomes.add(outcome);
  }
  expect([...outcomes].sort()).toEqual(["answered", "refused"]);
  channel.close();

  for (const garbage of [
    "GET / HTTP/1.1\r\n\r\n",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0",
    "\xff".repeat(70_000),
  ]) {
    const socket = connect(engine.socket);
    socket.on("error", () => {});
    socket.write("POST /grpc HTTP/1.1\r\nHost: engine\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n");
    await headOf(socket);
    socket.write(Buffer.from(garbage, "latin1"));
    socket.end();
    await new Promise((resolve) => socket.once("close", resolve).resume());
  }
  expect((await engine.api("GET", "/_ping")).status).toBe(200);
  expect(engine.log()).not.toMatch(/TypeError|RangeError|Unhandled|is not a function|Cannot read/);
});

test("a session within a call gives the build its files", async () => {
  await using engine = await startEngine();
  const channel = await openGrpc(engine);
  const metadata = {
    "x-docker-expose-session-uuid": ["within-a-call"],
    "x-docker-expose-session-name": ["test"],
    "x-docker-expose-session-grpc-method": ["/moby.filesync.v1.FileSync/DiffCopy"],
  };
  await using session = channel.call(ENGINE_METHODS.session, { metadata });
  const files = new Map([
    ["Dockerfile", Buffer.from(`FROM ${IMAGE}\nCOPY hello /hello\n`)],
    ["hello", Buffer.from("by a call\n")],
  ]);
  const directories = new Map(["context", "dockerfile"].map((name) => [name, () => memoryTree(files)]));
  const { received } = session;
  const connection = callDuplex({
    received,
    send: (message) => session.send(message),
    metadata: {},
    signal: new AbortController().signal,
  });
  const serving = serveCalls(connection, new Map([fileSync(directories)]));
  await channel.unary(ENGINE_METHODS.solve, solveRequest("by-call", {}, "by-call:1", "within-a-call"));
  serving.close();
  expect((await engine.docker(["run", "--rm", "by-call:1", "cat", "/hello"])).stdout).toBe("by a call\n");
});

const hasBuildx = Bun.spawnSync(["docker", "buildx", "version"]).exitCode === 0;

test.skipIf(!hasBuildx)("the real buildx, where there is one", async () => {
  await using engine = await startEngine();
  const dockerfile = `FROM ${IMAGE}\nRUN echo from buildx >/greeting\nCMD ["cat", "/greeting"]\n`;
  const built = await engine.docker(["buildx", "build", "-t", "built:2", "-"], { stdin: dockerfile });
  expect(built).toMatchObject({ code: 0 });
  expect((await engine.docker(["run", "--rm", "built:2"])).stdout).toBe("from buildx\n");
});
