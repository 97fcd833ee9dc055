import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  decodeBytes,
  decodePacket,
  encodeBytes,
  encodeCredentials,
  encodePacket,
  type FileFacts,
  formatGoMode,
  METHODS,
  openFileTree,
  PacketType,
  sendFiles,
} from "../../lib/buildkit/index.ts";
import { GrpcChannel } from "./grpc-channel.ts";
import { Session } from "./session.ts";
import { Sessions } from "./sessions.ts";
import { connectTestClient, type TestCall } from "./testing.ts";

const FACTS = { id: "test", name: "n", sharedKey: "k", methods: new Set<string>(Object.values(METHODS)) };
const ALL = { include: [], exclude: [], follow: [] };
const NEVER = new AbortController().signal;

let folder = "";
let [source, mirror, canary] = ["", "", ""];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "berth-sync-"));
  [source, mirror, canary] = ["source", "mirror", "canary"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  for (const path of [source, mirror, canary]) mkdirSync(path);
  writeFileSync(join(canary, "secret"), "canary");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Answers FileSync from the source folder, and counts what it sends. */
function honest(requests: number[]) {
  return async (call: TestCall) => {
    const received = (async function* () {
      for await (const message of call.messages) {
        const packet = decodePacket(message);
        if (packet.type === PacketType.request) requests.push(packet.id);
        yield packet;
      }
    })();
    await sendFiles(
      { received, send: async (packet) => call.send(encodePacket(packet)) },
      openFileTree(source, ALL),
    );
    call.end();
  };
}

async function sync(handle: (call: TestCall) => void | Promise<void>): Promise<void> {
  await using client = await connectTestClient(handle);
  await new Session(FACTS, client.channel).sync("context", mirror, ALL, NEVER);
}

describe("sync()", () => {
  test("brings all, and the next time only what differs", async () => {
    for (const path of ["a", "a/b", "gone"]) mkdirSync(join(source, path));
    writeFileSync(join(source, "a/b/file"), "x".repeat(300_000));
    writeFileSync(join(source, "gone/file"), "y");
    writeFileSync(join(source, "empty"), "");
    symlinkSync("a/b", join(source, "link"));
    linkSync(join(source, "empty"), join(source, "same"));
    chmodSync(join(source, "a"), 0o700);
    utimesSync(join(source, "a"), 1000, 1000.5);
    const first: number[] = [];
    await sync(honest(first));
    expect(first.length).toBe(3);
    expect(readFileSync(join(mirror, "a/b/file"), "utf8").length).toBe(300_000);
    expect(readlinkSync(join(mirror, "link"))).toBe("a/b");
    expect(lstatSync(join(mirror, "same")).ino).toBe(lstatSync(join(mirror, "empty")).ino);
    expect(lstatSync(join(mirror, "a"))).toMatchObject({ mode: 0o40700, mtimeMs: 1000_500 });

    rmSync(join(source, "gone"), { recursive: true });
    writeFileSync(join(source, "a/b/new"), "new");
    unlinkSync(join(source, "link"));
    mkdirSync(join(source, "link"));
    const second: number[] = [];
    await sync(honest(second));
    expect(second.length).toBe(1);
    expect(readdirSync(mirror, { recursive: true }).map(String).sort()).toEqual(
      readdirSync(source, { recursive: true }).map(String).sort(),
    );
    expect(lstatSync(join(mirror, "link")).isDirectory()).toBe(true);
    expect(lstatSync(join(mirror, "a")).mtimeMs).toBe(1000_500);

    const third: number[] = [];
    await sync(honest(third));
    expect(third).toEqual([]);
  });

  test("two files that were one are two", async () => {
    writeFileSync(join(source, "a"), "1");
    linkSync(join(source, "a"), join(source, "b"));
    await sync(honest([]));
    unlinkSync(join(source, "b"));
    writeFileSync(join(source, "b"), "2");
    for (const name of ["a", "b"]) utimesSync(join(source, name), 5, 5);
    utimesSync(join(mirror, "a"), 5, 5);
    await sync(honest([]));
    expect([readFileSync(join(mirror, "a"), "utf8"), readFileSync(join(mirror, "b"), "utf8")]).toEqual([
      "1",
      "2",
    ]);
  });

  test("what is broken off is mended by the next", async () => {
    writeFileSync(join(source, "file"), "z".repeat(100_000));
    const half = async (call: TestCall) => {
      call.send(encodePacket({ type: PacketType.stat, facts: fact("file", { size: 100_000 }) }));
      for await (const _ of call.messages) {
        call.send(encodePacket({ type: PacketType.data, id: 0, data: Buffer.alloc(50_000) }));
        call.end(13, "broken");
      }
    };
    await expect(sync(half)).rejects.toThrow('failed to load context "context": broken');
    await sync(honest([]));
    expect(readFileSync(join(mirror, "file"), "utf8")).toBe("z".repeat(100_000));
  });

  test("ends with its signal", async () => {
    await using client = await connectTestClient(() => {});
    const abort = new AbortController();
    const syncing = new Session(FACTS, client.channel).sync("context", mirror, ALL, abort.signal);
    abort.abort(new Error("cancelled by the user"));
    await expect(syncing).rejects.toThrow("cancelled by the user");
  });

  test("ends with the client", async () => {
    await using client = await connectTestClient((call) => void call.stream.session?.destroy());
    const syncing = new Session(FACTS, client.channel).sync("context", mirror, ALL, NEVER);
    await expect(syncing).rejects.toThrow(/session has ended|broken off/);
  });
});

const fact = (path: string, more: Partial<FileFacts> = {}): FileFacts => ({
  path,
  mode: formatGoMode("file", 0o644),
  uid: 0,
  gid: 0,
  size: 1,
  modified: 1n,
  linkName: "",
  major: 0,
  minor: 0,
  xattrs: new Map(),
  ...more,
});
const folderFact = (path: string) => fact(path, { mode: formatGoMode("directory", 0o755) });
const linkFact = (path: string, linkName: string) =>
  fact(path, { mode: formatGoMode("symlink", 0o777), linkName });

describe("a hostile client", () => {
  /** Tells these files, and sends `evil` for each that is asked for. */
  const hostile =
    (facts: readonly FileFacts[], more: (call: TestCall) => void = () => {}) =>
    async (call: TestCall) => {
      for (const one of facts) call.send(encodePacket({ type: PacketType.stat, facts: one }));
      call.send(encodePacket({ type: PacketType.stat }));
      more(call);
      for await (const message of call.messages) {
        const { type, id } = decodePacket(message);
        if (type === PacketType.end) {
          call.send(encodePacket({ type: PacketType.end }));
          call.end();
        } else {
          call.send(encodePacket({ type: PacketType.data, id, data: Buffer.from("evil") }));
          call.send(encodePacket({ type: PacketType.data, id }));
        }
      }
    };
  const untouched = () => {
    expect(readdirSync(canary)).toEqual(["secret"]);
    expect(readFileSync(join(canary, "secret"), "utf8")).toBe("canary");
    expect(existsSync(join(folder, "evil"))).toBe(false);
  };

  const refused: [name: string, facts: () => FileFacts[]][] = [
    ["a path that leads out", () => [fact("../evil")]],
    ["an absolute path", () => [fact("/evil")]],
    ["a path with dots inside", () => [folderFact("a"), fact("a/../../evil")]],
    ["a path with an empty part", () => [folderFact("a"), fact("a//b")]],
    ["an empty path", () => [fact("")]],
    ["a file below a link", () => [linkFact("a", canary), fact("a/secret")]],
    ["a file below a file", () => [fact("a"), fact("a/b")]],
    ["a file in a folder that was not told", () => [fact("a/b")]],
    ["a path told twice", () => [linkFact("a", canary), folderFact("a")]],
    ["a file after it was told as a link", () => [linkFact("a", join(canary, "secret")), fact("a")]],
    ["a hard link to what was not told", () => [fact("a", { linkName: "../canary/secret" })]],
    ["a hard link to an absolute path", () => [fact("a", { linkName: join(canary, "secret") })]],
    ["a hard link to a link", () => [linkFact("a", join(canary, "secret")), fact("b", { linkName: "a" })]],
    ["a hard link to a folder", () => [folderFact("a"), fact("b", { linkName: "a" })]],
    ["a NUL in a path", () => [fact("a\0b")]],
    ["a name that is too long", () => [fact("a".repeat(300))]],
    ["a path that is too long", () => [fact("a/".repeat(3000))]],
  ];
  for (const [name, facts] of refused) {
    test(`is refused ${name}`, async () => {
      await expect(sync(hostile(facts()))).rejects.toThrow();
      untouched();
    });
  }

  test("gets nothing through a link that an earlier transfer left", async () => {
    await sync(hostile([linkFact("a", canary)]));
    expect(readlinkSync(join(mirror, "a"))).toBe(canary);
    await sync(hostile([folderFact("a"), fact("a/secret")]));
    expect(readFileSync(join(mirror, "a/secret"), "utf8")).toBe("evil");
    untouched();
  });

  test("may send links that lead anywhere: they are copied and not followed", async () => {
    await sync(hostile([linkFact("a", canary), linkFact("b", "../../../../etc/passwd")]));
    expect(readdirSync(mirror).sort()).toEqual(["a", "b"]);
    await sync(hostile([fact("c")]));
    expect(readdirSync(mirror)).toEqual(["c"]);
    untouched();
  });

  const malformed: [name: string, send: (call: TestCall) => void][] = [
    [
      "data nobody asked for",
      (call) => call.send(encodePacket({ type: PacketType.data, id: 9, data: Buffer.from("x") })),
    ],
    ["an unknown packet", (call) => call.send(encodePacket({ type: 77 }))],
    [
      "files behind the last",
      (call) => call.send(encodePacket({ type: PacketType.stat, facts: fact("late") })),
    ],
    ["an early end", (call) => call.send(encodePacket({ type: PacketType.end }))],
    [
      "an error of its own",
      (call) => call.send(encodePacket({ type: PacketType.error, data: Buffer.from("kaputt") })),
    ],
    ["noise", (call) => call.send(Uint8Array.of(0xff, 0xff, 0xff))],
    ["a message without end", (call) => void call.stream.write(Uint8Array.of(0, 0x7f, 0xff, 0xff, 0xff))],
  ];
  for (const [name, send] of malformed) {
    test(`ends its transfer with ${name}`, async () => {
      const facts = [folderFact("d"), fact("d/f", { size: 10 })];
      await expect(sync(hostile(facts, send))).rejects.toThrow('failed to load context "context": ');
      untouched();
    });
  }
});

describe("a connection that is no HTTP/2", () => {
  const frameOf = (type: number, flags: number, stream: number, payload: Uint8Array) => {
    const head = Buffer.alloc(9);
    head.writeUIntBE(payload.length, 0, 3);
    head[3] = type;
    head[4] = flags;
    head.writeUInt32BE(stream, 5);
    return Buffer.concat([head, payload]);
  };
  const SETTINGS = frameOf(4, 0, 0, new Uint8Array(0));
  const cases: [name: string, bytes: () => Buffer][] = [
    ["text", () => Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n".repeat(100))],
    ["noise", () => Buffer.from(crypto.getRandomValues(new Uint8Array(10_000)))],
    [
      "a frame that is too long",
      () => Buffer.concat([SETTINGS, Buffer.from([0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1])]),
    ],
    [
      "headers of a call that nobody made",
      () => Buffer.concat([SETTINGS, frameOf(1, 4, 99, Uint8Array.of(0x88))]),
    ],
    [
      "headers that can not be read",
      () => Buffer.concat([SETTINGS, frameOf(1, 4, 1, new Uint8Array(100).fill(0xff))]),
    ],
    [
      "headers without end",
      () =>
        Buffer.concat([
          SETTINGS,
          frameOf(1, 0, 1, Uint8Array.of(0x88)),
          ...Array.from({ length: 2000 }, () =>
            frameOf(
              9,
              0,
              1,
              Buffer.from([0x00, 1, 97, 0x7f, 0x80 + 100, 60, ...new Uint8Array(7_000).fill(97)]),
            ),
          ),
        ]),
    ],
    ["the end of the connection", () => Buffer.concat([SETTINGS, frameOf(7, 0, 0, new Uint8Array(8))])],
  ];
  for (const [name, bytes] of cases) {
    test(`fails its calls and nothing else: ${name}`, async () => {
      const { socket, other } = await socketPair();
      const channel = new GrpcChannel(socket);
      other.on("error", () => {}).resume();
      const answer = channel.unary(METHODS.health, new Uint8Array(0), { timeoutMs: 3000 });
      other.write(bytes());
      await expect(answer).rejects.toThrow();
      channel.close();
      other.destroy();
    });
  }
});

describe("services", () => {
  const answering = (answer: (call: TestCall) => void) =>
    connectTestClient(async (call) => {
      for await (const _ of call.messages) answer(call);
    });

  test("a secret is given, or missed by name", async () => {
    await using client = await answering((call) => {
      call.send(encodeBytes(Buffer.from("geheim")));
      call.end();
    });
    const session = new Session(FACTS, client.channel);
    expect(Buffer.from(await session.secret("x")).toString()).toBe("geheim");
    await using none = await answering((call) => call.end(5, "nope"));
    await expect(new Session(FACTS, none.channel).secret("x")).rejects.toMatchObject({
      kind: "NotFound",
      message: "secret x: not found",
    });
    const bare = new Session({ ...FACTS, methods: new Set() }, client.channel);
    await expect(bare.secret("x")).rejects.toMatchObject({ kind: "NotFound" });
    await expect(bare.sshAgent("default")).rejects.toMatchObject({ kind: "NotFound" });
    expect(await bare.credentials("r")).toBeUndefined();
  });

  test("an agent's bytes go both ways, until either side ends", async () => {
    await using client = await connectTestClient(async (call) => {
      if (call.headers[":path"] === METHODS.checkAgent) {
        for await (const _ of call.messages) call.send(new Uint8Array(0));
      } else {
        expect(call.headers["buildkit.ssh.id"]).toBe("mine");
        for await (const message of call.messages)
          call.send(encodeBytes(Buffer.concat([Buffer.from("re: "), decodeBytes(message)])));
      }
      call.end();
    });
    await using agent = await new Session(FACTS, client.channel).sshAgent("mine");
    await agent.send(Buffer.from("one"));
    const answers = agent.received[Symbol.asyncIterator]();
    expect(Buffer.from((await answers.next()).value as Uint8Array).toString()).toBe("re: one");
    agent.end();
    expect((await answers.next()).done).toBe(true);
  });

  test("results are sent as one file or as a tree", async () => {
    mkdirSync(join(source, "d"));
    writeFileSync(join(source, "d/f"), "content");
    const got: Buffer[] = [];
    await using client = await connectTestClient(async (call) => {
      for await (const message of call.messages) got.push(Buffer.from(decodeBytes(message)));
      call.end(got.length === 0 ? 6 : 0, "target already exists");
    });
    const session = new Session(FACTS, client.channel);
    await session.sendFile(
      (async function* () {
        yield Buffer.alloc(600_000, "x");
      })(),
      { "image.name": "n" },
      NEVER,
    );
    expect(Buffer.concat(got).length).toBe(600_000);
    expect(Math.max(...got.map(({ length }) => length))).toBeLessThanOrEqual(256 * 1024);
    got.length = 0;
    const none = (async function* (): AsyncGenerator<Uint8Array> {})();
    // Not by `rejects`, which waits in a way that Bun's HTTP/2 does not bear here.
    const refused = await session.sendFile(none, {}, NEVER).catch((error: unknown) => error);
    expect(refused).toMatchObject({
      message: "failed to copy the result to the client: target already exists",
    });
    await using taker = await connectTestClient(async (call) => {
      // As fsutil's receiver: asks for the file, takes it, says that it has all.
      for await (const message of call.messages) {
        const packet = decodePacket(message);
        if (packet.type === PacketType.stat && packet.facts === undefined)
          call.send(encodePacket({ type: PacketType.request, id: 1 }));
        if (packet.type === PacketType.data && packet.data.length > 0) got.push(Buffer.from(packet.data));
        if (packet.type === PacketType.data && packet.data.length === 0)
          call.send(encodePacket({ type: PacketType.end }));
        if (packet.type === PacketType.end) call.end();
      }
    });
    await new Session(FACTS, taker.channel).sendTree(openFileTree(source, ALL), {}, NEVER);
    expect(Buffer.concat(got).toString()).toBe("content");
  });

  test("a secret that is too large is refused", async () => {
    await using client = await answering((call) => {
      call.send(encodeBytes(Buffer.alloc(600 * 1024)));
      call.end();
    });
    await expect(new Session(FACTS, client.channel).secret("x")).rejects.toThrow("larger than 500 KiB");
  });

  test("credentials become what the API has in X-Registry-Auth", async () => {
    const read = async (username: string, secret: string) => {
      await using client = await answering((call) => {
        call.send(encodeCredentials({ username, secret }));
        call.end();
      });
      const header = await new Session(FACTS, client.channel).credentials("r:5000");
      return header && JSON.parse(Buffer.from(header, "base64url").toString());
    };
    expect(await read("u", "p")).toEqual({ serveraddress: "r:5000", username: "u", password: "p" });
    expect(await read("", "token")).toEqual({ serveraddress: "r:5000", identitytoken: "token" });
    expect(await read("", "")).toBeUndefined();
  });

  test("an answer without a message, or with HTML, is an error", async () => {
    await using client = await answering((call) => call.end());
    await expect(new Session(FACTS, client.channel).secret("x")).rejects.toThrow("without a message");
  });
});

describe("Sessions", () => {
  const facts = (id: string) => ({ ...FACTS, id, methods: new Set<string>() });

  test("a build waits for a session that is about to come, but not for ever", async () => {
    using sessions = new Sessions();
    await expect(sessions.find("none", NEVER, 1)).rejects.toThrow(
      "no active session for none: context deadline exceeded",
    );
    const finding = sessions.find("soon", NEVER);
    const { socket, other } = await socketPair();
    const ended = sessions.accept(facts("soon"), socket);
    const session = await finding;
    expect(session.facts.id).toBe("soon");
    expect(() => sessions.check(facts("soon"))).toThrow("session soon already exists");
    other.destroy();
    await ended;
    expect(session.signal.aborted).toBe(true);
    expect(sessions.size).toBe(0);
    sessions.check(facts("soon"));
  });

  test("ids are words", () => {
    using sessions = new Sessions();
    for (const id of ["", "a/b", "a b", "x".repeat(200), "\0"]) {
      expect(() => sessions.check(facts(id))).toThrow("invalid session id");
    }
  });
});

async function socketPair() {
  const { connect, createServer } = await import("node:net");
  const server = createServer();
  const accepted = new Promise<import("node:net").Socket>((resolve) => server.once("connection", resolve));
  const path = join(folder, "pair");
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const other = connect(path);
  const socket = await accepted;
  server.close();
  return { socket, other };
}
