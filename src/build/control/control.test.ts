import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  decodeStatus,
  ENGINE_METHODS,
  encodeStatus,
  Fields,
  GrpcError,
  type StatusWarning,
  Writer,
} from "../../lib/buildkit/index.ts";
import { invalidParameter } from "../../lib/index.ts";
import { BuildFailed } from "../build-failed.ts";
import type { Builds, CacheRecordSummary, PruneOptions } from "../builder-contract.ts";
import { GrpcChannel } from "../session/grpc-channel.ts";
import type { SessionBuildOptions, SessionBuilds, TraceMessage } from "../session/index.ts";
import { BuildControl } from "./control.ts";

type Build = (
  options: SessionBuildOptions,
  report: (message: TraceMessage) => void,
  signal: AbortSignal,
) => Promise<void>;

let directory: string;
let server: Server;
let channel: GrpcChannel;
let build: Build;
const asked: SessionBuildOptions[] = [];
const pruned: PruneOptions[] = [];

const RECORD: CacheRecordSummary = {
  id: "one",
  parents: ["base"],
  type: "regular",
  description: "RUN make",
  inUse: false,
  shared: true,
  sizeBytes: 1234,
  createdAt: new Date(1_700_000_000_500),
  lastUsedAt: undefined,
  usageCount: 3,
};

beforeEach(async () => {
  asked.length = 0;
  pruned.length = 0;
  build = async () => {};
  const control = new BuildControl({
    builds: {
      diskUsage: async () => [RECORD, { ...RECORD, id: "two", type: "exec.cachemount" }],
      prune: async (options: PruneOptions) => {
        pruned.push(options);
        return { removed: ["two"], reclaimedBytes: 1 };
      },
    } as unknown as Builds,
    sessions: {
      build: (options, _body, report, signal) => {
        asked.push(options);
        return build(options, report, signal);
      },
    } as Pick<SessionBuilds, "build"> as SessionBuilds,
    worker: () => ({
      id: "worker",
      labels: { a: "b" },
      platforms: [{ os: "linux", architecture: "amd64", variant: "" }],
      version: "1.2.3",
    }),
  });
  directory = mkdtempSync(join(tmpdir(), "berth-control-"));
  server = createServer((socket) => void control.serve(socket));
  await new Promise<void>((resolve) => server.listen(join(directory, "s"), resolve));
  channel = new GrpcChannel(connect(join(directory, "s")));
});

afterEach(async () => {
  channel.close();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  rmSync(directory, { recursive: true, force: true });
});

// ——— a client's requests ———

function message(write: (writer: Writer) => void): Uint8Array {
  const writer = new Writer();
  write(writer);
  return writer.finish();
}

interface Wish {
  readonly frontend?: string;
  readonly options?: Record<string, string>;
  readonly exporters?: readonly { readonly type: string; readonly options: Record<string, string> }[];
}

const solveRequest = (ref: string, { frontend = "", options = {}, exporters = [] }: Wish = {}) =>
  message((writer) => {
    writer.text(1, ref);
    writer.text(5, "session");
    writer.text(6, frontend);
    writer.texts(7, options);
    for (const exporter of exporters) {
      writer.message(13, () => {
        writer.text(1, exporter.type);
        writer.texts(2, exporter.options);
      });
    }
  });

const frontendRequest = (options: Record<string, string> = {}, frontend = "dockerfile.v0") =>
  message((writer) => {
    writer.text(2, frontend);
    writer.texts(3, options);
  });

const returnRequest = (ref: string) =>
  message((writer) => writer.message(1, () => writer.message(3, () => writer.text(1, ref))));

const ofBuild = (ref: string) => ({ metadata: { "buildkit-controlapi-buildid": [ref] } });

const solve = async (...request: Parameters<typeof solveRequest>) =>
  new Fields(await channel.unary(ENGINE_METHODS.solve, solveRequest(...request))).textMap(1);

/** What the frontend's result is called. */
async function solveFrontend(ref: string, options?: Record<string, string>): Promise<string> {
  const answer = await channel.unary(ENGINE_METHODS.solveFrontend, frontendRequest(options), ofBuild(ref));
  return new Fields(answer).messages(3)[0]!.messages(3)[0]!.text(1);
}

const failure = (work: Promise<unknown>) => work.then(() => undefined).catch((error: GrpcError) => error);

const status = (name: string, warnings: readonly StatusWarning[] = []) =>
  encodeStatus({
    vertexes: [
      {
        digest: "sha256:1",
        inputs: [],
        name,
        cached: false,
        started: 1,
        completed: 2,
        error: "",
      },
    ],
    statuses: [],
    logs: [],
    warnings,
  });

const trace = (bytes: Uint8Array): TraceMessage => ({
  id: "moby.buildkit.trace",
  aux: Buffer.from(bytes).toString("base64"),
});

describe("a build", () => {
  test("is made of what its client returns, with all that it wants of it", async () => {
    build = async (_options, report) => {
      report({ id: "moby.image.id", aux: { ID: "sha256:2" } });
      report({
        id: "berth.build.metadata",
        aux: { "containerimage.digest": "sha256:2", "containerimage.descriptor": { size: 1 }, "berth.x": 1 },
      });
    };
    const exporters = [{ type: "moby", options: { name: "a:1,b:2", push: "true" } }];
    const solving = solve("build", { exporters });
    const options = {
      "build-arg:WHO": "you",
      "label:l": "v=w",
      "context:tools": "local:tools",
      "attest:provenance": "mode=min",
      "frontend.caps": "x",
      filename: "Other",
      target: "app",
      platform: "linux/amd64",
      "no-cache": "one,two",
      "image-resolve-mode": "pull",
      "add-hosts": "h=1.2.3.4",
      "force-network-mode": "none",
      "shm-size": "64",
      ulimit: "nofile=10:20",
      "cache-imports": '[{"Type":"registry","Attrs":{"ref":"r/c"}}]',
    };
    const ref = await solveFrontend("build", options);
    expect(asked).toEqual([]);
    await channel.unary(ENGINE_METHODS.return, returnRequest(ref), ofBuild("build"));
    expect(Object.fromEntries(await solving)).toEqual({
      "containerimage.digest": "sha256:2",
      "containerimage.descriptor": Buffer.from('{"size":1}').toString("base64"),
    });
    expect(asked).toMatchObject([
      {
        sessionId: "session",
        remote: "client-session",
        dockerfile: "Other",
        tags: ["a:1", "b:2"],
        target: "app",
        buildArgs: { WHO: "you" },
        labels: { l: "v=w" },
        platforms: ["linux/amd64"],
        noCache: false,
        noCacheFilter: ["one", "two"],
        pull: true,
        cacheFrom: ["r/c"],
        contexts: { tools: "local:tools" },
        outputs: [{ Type: "moby", Attrs: { push: "true" } }],
        provenance: true,
        run: {
          network: "none",
          extraHosts: ["h:1.2.3.4"],
          shmSizeBytes: 64,
          ulimits: [{ Name: "nofile", Soft: 10, Hard: 20 }],
        },
      },
    ]);
  });

  test("tells what goes on, also to who asks before it has begun", async () => {
    const go = Promise.withResolvers<void>();
    build = async (_options, report) => {
      report(trace(status("first")));
      await go.promise;
      report(trace(status("second")));
    };
    await using call = channel.call(ENGINE_METHODS.status);
    await call.send(message((writer) => writer.text(1, "told")));
    call.end();
    const solving = solve("told", { frontend: "dockerfile.v0" });
    const names: string[] = [];
    for await (const bytes of call.received) {
      names.push(decodeStatus(bytes).vertexes[0]!.name);
      go.resolve();
    }
    expect(names).toEqual(["first", "second"]);
    await solving;
  });

  test("that fails says where in the Dockerfile", async () => {
    build = async () => {
      throw new BuildFailed({
        cause: invalidParameter("it broke"),
        fileName: "Dockerfile",
        fileText: "FROM a\nRUN b\n",
        lines: { start: 2, end: 2 },
        step: undefined,
        logTail: "",
      });
    };
    await using call = channel.call(ENGINE_METHODS.solve);
    await call.send(solveRequest("failing", { frontend: "dockerfile.v0" }));
    call.end();
    const error = await failure(Array.fromAsync(call.received));
    expect(error).toBeInstanceOf(GrpcError);
    expect(error).toMatchObject({ status: 2, message: "it broke" });
  });

  test("ends with its client", async () => {
    const began = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<string>();
    build = (_options, _report, signal) => {
      began.resolve();
      return new Promise((_, reject) => {
        signal.addEventListener("abort", () => {
          ended.resolve(String(signal.reason.message));
          reject(signal.reason);
        });
      });
    };
    const gone = new AbortController();
    const request = solveRequest("gone", { frontend: "dockerfile.v0" });
    const solving = failure(channel.unary(ENGINE_METHODS.solve, request, { signal: gone.signal }));
    await began.promise;
    gone.abort(new Error("left"));
    expect(await ended.promise).toBe("context canceled");
    await solving;
  });

  test("is given up where its client says so, with the client's reason", async () => {
    const solving = failure(solve("given-up"));
    const refusal = message((writer) =>
      writer.message(2, () => {
        writer.number(1, 9);
        writer.text(2, "changed my mind");
      }),
    );
    await channel.unary(ENGINE_METHODS.return, refusal, ofBuild("given-up"));
    expect(await solving).toMatchObject({ status: 9, message: "changed my mind" });
    expect(asked).toEqual([]);
  });

  test("can be evaluated before it is returned", async () => {
    const solving = solve("evaluated", { exporters: [{ type: "moby", options: { name: "a" } }] });
    const ref = await solveFrontend("evaluated");
    const evaluate = message((writer) => writer.text(1, ref));
    await channel.unary(ENGINE_METHODS.evaluate, evaluate, ofBuild("evaluated"));
    expect(asked.map(({ outputs }) => outputs[0]!.Type)).toEqual(["cacheonly"]);
    await channel.unary(ENGINE_METHODS.return, returnRequest(ref), ofBuild("evaluated"));
    await solving;
    expect(asked.map(({ outputs }) => outputs[0]!.Type)).toEqual(["cacheonly", "moby"]);
  });
});

describe("a check", () => {
  test("gives BuildKit's report of warnings", async () => {
    const warning = {
      vertex: "",
      level: 1,
      short: "SomeRule: do it otherwise (line 2)",
      detail: ["Why it matters"],
      url: "https://example.com/rule",
      fileName: "Dockerfile",
      fileText: "FROM a\nCMD b\n",
      ranges: [{ start: 2, end: 2 }],
    };
    build = async (_options, report) => report(trace(status("check", [warning])));
    const solving = solve("checked");
    const request = frontendRequest({ requestid: "frontend.lint" });
    const answer = await channel.unary(ENGINE_METHODS.solveFrontend, request, ofBuild("checked"));
    const metadata = new Map(
      new Fields(answer)
        .messages(3)[0]!
        .messages(10)
        .map((entry) => [entry.text(1), entry.text(2)]),
    );
    expect(metadata.get("result.statuscode")).toBe("1");
    expect(JSON.parse(metadata.get("result.json")!)).toEqual({
      warnings: [
        {
          ruleName: "SomeRule",
          description: "Why it matters",
          detail: "do it otherwise",
          url: "https://example.com/rule",
          location: { sourceIndex: 0, ranges: [{ start: { line: 2 }, end: { line: 2 } }] },
        },
      ],
      sources: [
        {
          filename: "Dockerfile",
          language: "Dockerfile",
          data: Buffer.from("FROM a\nCMD b\n").toString("base64"),
        },
      ],
    });
    expect(asked).toMatchObject([{ call: "check" }]);
    await channel.unary(ENGINE_METHODS.return, returnRequest(""), ofBuild("checked"));
    expect([...(await solving)]).toEqual([]);
  });
});

describe("what cannot be had is refused", () => {
  const cases: readonly [string, Wish, string][] = [
    ["another frontend", { frontend: "mine" }, "unsupported frontend mine: only Dockerfiles can be built"],
    [
      "a frontend out of an image",
      { frontend: "gateway.v0", options: { source: "evil/frontend" } },
      "unsupported frontend gateway.v0 (evil/frontend): only Dockerfiles can be built",
    ],
    [
      "an option that nobody knows",
      { frontend: "dockerfile.v0", options: { "from-space": "1" } },
      "unsupported option of the Dockerfile frontend: from-space",
    ],
    [
      "an attestation of another kind",
      { frontend: "dockerfile.v0", options: { "attest:vex": "" } },
      "attestations of this kind are not made: vex",
    ],
    [
      "another build's result as a context",
      { frontend: "dockerfile.v0", options: { "context:a": "input:a" } },
      "the context a is another build's result: not supported",
    ],
    [
      "a cache elsewhere",
      { frontend: "dockerfile.v0", options: { "cache-imports": '[{"Type":"gha"}]' } },
      "a cache of the type gha cannot be read: only registry",
    ],
    [
      "a limit that is none",
      { frontend: "dockerfile.v0", options: { ulimit: "nofile" } },
      'invalid ulimit "nofile"',
    ],
  ];
  test.each(cases)("%s", async (_name, wish, text) => {
    expect(await failure(solve("refused", wish))).toMatchObject({ message: text });
    expect(asked).toEqual([]);
  });

  test("a graph of operations", async () => {
    const request = message((writer) => {
      writer.text(1, "graph");
      writer.message(2, () => writer.text(1, "op"));
    });
    expect(await failure(channel.unary(ENGINE_METHODS.solve, request))).toMatchObject({ status: 12 });
  });

  test("methods that are not there, malformed messages, builds of one name", async () => {
    const history = "/moby.buildkit.v1.Control/ListenBuildHistory";
    expect(await failure(channel.unary(history, new Uint8Array(0)))).toMatchObject({ status: 12 });
    const malformed = Uint8Array.of(0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f);
    expect(await failure(channel.unary(ENGINE_METHODS.solve, malformed))).toMatchObject({ status: 13 });
    const first = solve("twice");
    const ref = await solveFrontend("twice");
    expect(await failure(solve("twice"))).toMatchObject({ message: "job ID twice exists" });
    await channel.unary(ENGINE_METHODS.return, returnRequest(ref), ofBuild("twice"));
    await first;
    expect(await failure(solve(""))).toMatchObject({ message: "invalid build ref" });
  });
});

describe("the cache", () => {
  test("is told of, by filters", async () => {
    const ask = async (filter: string) => {
      const request = message((writer) => writer.text(1, filter));
      const records = new Fields(await channel.unary(ENGINE_METHODS.diskUsage, request)).messages(1);
      return records.map((record) => record.text(1));
    };
    expect(await ask("")).toEqual(["one", "two"]);
    expect(await ask("type==exec.cachemount")).toEqual(["two"]);
    expect(await ask('type=="regular",shared')).toEqual(["one"]);
    expect(await failure(ask("type~=x"))).toMatchObject({ message: 'invalid filter "type~=x"' });
  });

  test("is pruned as it is wished for", async () => {
    const request = message((writer) => {
      writer.text(1, "type==exec.cachemount");
      writer.number(2, 1);
      writer.number(3, 3_600_000_000_000);
      writer.number(4, 100);
      writer.number(5, 200);
      writer.number(6, 300);
    });
    await using call = channel.call(ENGINE_METHODS.prune);
    await call.send(request);
    call.end();
    const removed = [];
    for await (const bytes of call.received) removed.push(new Fields(bytes).text(1));
    expect(removed).toEqual(["two"]);
    expect(pruned).toEqual([
      {
        all: true,
        filters: { type: ["exec.cachemount"], until: ["3600000ms"] },
        keepBytes: 100,
        maxUsedBytes: 200,
        minFreeBytes: 300,
      },
    ]);
  });
});

test("the machine is told of as the one worker", async () => {
  const info = new Fields(await channel.unary(ENGINE_METHODS.info, new Uint8Array(0)));
  expect(info.messages(1)[0]!.text(2)).toBe("1.2.3");
  const workers = new Fields(await channel.unary(ENGINE_METHODS.listWorkers, new Uint8Array(0)));
  const [worker] = workers.messages(1);
  expect(worker!.text(1)).toBe("worker");
  expect(worker!.textMap(2)).toEqual(new Map([["a", "b"]]));
  const pong = new Fields(await channel.unary(ENGINE_METHODS.ping, new Uint8Array(0)));
  expect(pong.messages(1).map((capability) => capability.text(1))).toContain("solve.base");
});
