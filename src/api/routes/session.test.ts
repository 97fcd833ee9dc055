import { describe, expect, test } from "bun:test";
import { connect } from "node:net";
import { ask, serveFakes, type TestServer } from "../testing.ts";
import type { SessionBuildOptions, SessionFacts } from "./session.ts";

const RUN = { network: "default", extraHosts: [], ulimits: [], securityOptions: [], entitlements: [] };

describe("POST /build?version=2", () => {
  test("every parameter of BuildKit's clients arrives", async () => {
    let seen: SessionBuildOptions | undefined;
    await using server = await serveFakes({
      builds: {
        async build(options, body, report) {
          seen = options;
          expect(body.kind).toBe("none");
          report({ id: "moby.buildkit.trace", aux: "AAAA" });
          report({ id: "moby.image.id", aux: { ID: "sha256:x" } });
        },
      },
    });
    const query = new URLSearchParams({
      version: "2",
      session: "s",
      buildid: "b",
      remote: "client-session",
      dockerfile: "Dockerfile.x",
      target: "t",
      buildargs: '{"A":"1","B":null}',
      labels: '{"l":"m"}',
      platform: "linux/amd64",
      nocache: "1",
      pull: "1",
      cachefrom: '["c"]',
      outputs: '[{"Type":"tar","Attrs":{"dest":"x"}},{"Type":"local","Attrs":null}]',
      networkmode: "host",
      extrahosts: "a:1.2.3.4,b:5.6.7.8",
      shmsize: "1048576",
      memory: "0",
      ulimits: '[{"Name":"nofile","Hard":6,"Soft":5}]',
      q: "1",
    });
    for (const tag of ["a:1", "b:2"]) query.append("t", tag);
    const answer = await ask(server, "POST", `/v1.41/build?${query}`);
    expect(answer.status).toBe(200);
    expect(
      answer.text
        .trim()
        .split("\r\n")
        .map((line) => JSON.parse(line)),
    ).toEqual([
      { id: "moby.buildkit.trace", aux: "AAAA" },
      { id: "moby.image.id", aux: { ID: "sha256:x" } },
    ]);
    expect(seen).toMatchObject({
      sessionId: "s",
      buildId: "b",
      remote: "client-session",
      dockerfile: "Dockerfile.x",
      tags: ["a:1", "b:2"],
      target: "t",
      buildArgs: { A: "1", B: null },
      labels: { l: "m" },
      platforms: ["linux/amd64"],
      noCache: true,
      pull: true,
      cacheFrom: ["c"],
      outputs: [
        { Type: "tar", Attrs: { dest: "x" } },
        { Type: "local", Attrs: {} },
      ],
      quiet: true,
      run: {
        ...RUN,
        network: "host",
        extraHosts: ["a:1.2.3.4", "b:5.6.7.8"],
        shmSizeBytes: 1048576,
        memoryBytes: undefined,
        ulimits: [{ Name: "nofile", Hard: 6, Soft: 5 }],
      },
    });
  });

  test("a client of ours need not know yet who we are, nor hear what goes on", async () => {
    const seen: boolean[] = [];
    await using server = await serveFakes({
      builds: { build: async ({ wantsTrace }) => void seen.push(wantsTrace) },
    });
    for (const query of ["version=2", "version=berth&trace=0"]) {
      expect((await ask(server, "POST", `/build?${query}`)).status).toBe(200);
    }
    expect(seen).toEqual([true, false]);
  });

  test("what can not be read is the client's mistake, and builds nothing", async () => {
    await using server = await serveFakes({ builds: {} });
    for (const bad of [
      "buildargs={",
      "buildargs=[1]",
      'buildargs={"A":1}',
      "labels=7",
      "cachefrom={}",
      "outputs=[{}]",
      'outputs=[{"Type":"x","Attrs":[]}]',
      "ulimits=[{}]",
      "shmsize=much",
      "contexts=[]",
      `buildargs=${"[".repeat(5000)}`,
    ]) {
      const answer = await ask(server, "POST", `/build?version=2&${bad}`);
      expect([bad, answer.status]).toEqual([bad, 400]);
    }
  });

  test("directories are offered over a Unix socket only", async () => {
    let offered = "";
    await using server = await serveFakes({
      builds: {
        async build({ directories }) {
          offered = directories;
        },
      },
    });
    const headers = { "X-Berth-Context-Fd": "context=3:4:5" };
    expect((await ask(server, "POST", "/build?version=2", undefined, headers)).status).toBe(200);
    expect(offered).toBe("context=3:4:5");
    const tcp = server.server.serve();
    await new Promise<void>((resolve) => void tcp.listen(0, "127.0.0.1", resolve));
    const { port } = tcp.address() as import("node:net").AddressInfo;
    const refused = await fetch(`http://127.0.0.1:${port}/build?version=2`, { method: "POST", headers });
    expect(refused.status).toBe(409);
  });

  test("a failure behind the first message is the last message", async () => {
    await using server = await serveFakes({
      builds: {
        async build(_options, _body, report) {
          report({ id: "moby.buildkit.trace", aux: "" });
          throw new Error("failed to solve: no");
        },
      },
    });
    const { text } = await ask(server, "POST", "/build?version=2");
    expect(JSON.parse(text.trim().split("\r\n").at(-1)!)).toEqual({
      errorDetail: { message: "failed to solve: no" },
      error: "failed to solve: no",
    });
  });
});

describe("POST /session", () => {
  test("takes the connection over, and tells what the client said of itself", async () => {
    const accepted = Promise.withResolvers<SessionFacts>();
    await using server = await serveFakes({
      builds: {
        checkSession() {},
        async acceptSession(facts, socket) {
          accepted.resolve(facts);
          socket.write("from the engine");
          socket.once("data", (bytes) => socket.end(bytes));
        },
      },
    });
    const text = await exchange(server, [
      "X-Docker-Expose-Session-Uuid: id1",
      "X-Docker-Expose-Session-Name: app",
      "X-Docker-Expose-Session-Sharedkey: key",
      "X-Docker-Expose-Session-Grpc-Method: /a.B/C",
      "X-Docker-Expose-Session-Grpc-Method: /d.E/F",
    ]);
    expect(await accepted.promise).toEqual({
      id: "id1",
      name: "app",
      sharedKey: "key",
      methods: new Set(["/a.B/C", "/d.E/F"]),
    });
    expect(text).toStartWith("HTTP/1.1 101 UPGRADED\r\n");
    expect(text).toContain("Upgrade: h2c\r\n");
    expect(text).toEndWith("\r\n\r\nfrom the engineecho");
  });

  test("without an upgrade to h2c it is refused", async () => {
    await using server = await serveFakes({ builds: {} });
    expect(await ask(server, "POST", "/session")).toMatchObject({ status: 400 });
    expect(await exchange(server, ["Upgrade: websocket"], "websocket")).toStartWith("HTTP/1.1 400 ");
  });
});

function exchange({ path }: TestServer, headers: readonly string[], upgrade = "h2c"): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const socket = connect(path, () => {
      socket.write(
        `POST /session HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: ${upgrade}\r\n${headers.join("\r\n")}\r\n\r\n`,
      );
    });
    socket.on("data", (bytes) => {
      text += bytes;
      if (text.endsWith("from the engine")) socket.write("echo");
    });
    socket.once("end", () => {
      socket.end();
      resolve(text);
    });
    socket.once("error", reject);
  });
}
