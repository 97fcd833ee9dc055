import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openFileTree, type TreeFilter } from "./file-tree.ts";
import { FrameDecoder, frame } from "./frames.ts";
import { formatGoMode, kindOfGoMode, parseGoMode } from "./go-mode.ts";
import { decodeMetadata, encodeMetadata } from "./metadata.ts";
import { decodePacket, encodePacket, PacketType } from "./packets.ts";
import { decodeStatus, encodeStatus } from "./status.ts";

describe("frames", () => {
  test("come out as they went in, however the stream is cut", () => {
    const messages = [Buffer.from("one"), Buffer.alloc(0), Buffer.alloc(70_000, 7)];
    const stream = Buffer.concat(messages.map((message) => frame(message)));
    for (const size of [1, 3, 5, 1000, stream.length]) {
      const decoder = new FrameDecoder();
      const found: Buffer[] = [];
      for (let at = 0; at < stream.length; at += size) {
        for (const message of decoder.push(stream.subarray(at, at + size))) found.push(Buffer.from(message));
      }
      decoder.end();
      expect(found).toEqual(messages);
    }
  });

  test("a length that nobody sends is refused before anything is kept for it", () => {
    expect(() => [...new FrameDecoder(100).push(Buffer.from([0, 0x7f, 0xff, 0xff, 0xff]))]).toThrow(
      "received message larger than max (2147483647 vs. 100)",
    );
    expect(() => [...new FrameDecoder().push(Buffer.from([1, 0, 0, 0, 0]))]).toThrow("compressed");
  });

  test("a stream that ends within a message is told", () => {
    const decoder = new FrameDecoder();
    expect([...decoder.push(Buffer.from([0, 0, 0, 0, 9, 1]))]).toEqual([]);
    expect(() => decoder.end()).toThrow("unexpected EOF");
  });
});

test("modes are Go's", () => {
  for (const [kind, permissions, mode] of [
    ["file", 0o644, 0o644],
    ["directory", 0o755, 0x8000_01ed],
    ["symlink", 0o777, 0x0800_01ff],
    ["file", 0o4755, 0x0080_01ed],
    ["directory", 0o1777, 0x8010_01ff],
    ["char", 0o600, 0x0420_0180],
    ["block", 0o600, 0x0400_0180],
    ["fifo", 0o600, 0x0200_0180],
  ] as const) {
    expect(formatGoMode(kind, permissions)).toBe(mode);
    expect(kindOfGoMode(mode)).toBe(kind);
    expect(parseGoMode(mode)).toBe(permissions);
  }
});

describe("packets", () => {
  const facts = {
    path: "a/ü b",
    mode: formatGoMode("file", 0o640),
    uid: 1,
    gid: 2,
    size: 2 ** 40,
    modified: 1_700_000_000_123_456_789n,
    linkName: "x",
    major: 3,
    minor: 4,
    xattrs: new Map([["user.a", Uint8Array.of(1, 2)]]),
  };

  test("travel whole", () => {
    expect(decodePacket(encodePacket({ type: PacketType.stat, facts })).facts).toEqual(facts);
    const data = decodePacket(encodePacket({ type: PacketType.data, id: 300, data: Uint8Array.of(9) }));
    expect([data.type, data.id, [...data.data]]).toEqual([2, 300, [9]]);
    expect(decodePacket(new Uint8Array(0))).toMatchObject({ type: 0, facts: undefined, id: 0 });
  });

  test("what docker's client sends is read", () => {
    // STAT of `Dockerfile`, as Debian's docker 20.10 sent it.
    const message = Buffer.from("12180a0a446f636b657266696c6510a403280d30f5cecee2", "hex");
    expect(() => decodePacket(message)).toThrow("malformed packet");
    const whole = Buffer.from("12130a0a446f636b657266696c6510a403280d3001", "hex");
    expect(decodePacket(whole).facts).toMatchObject({
      path: "Dockerfile",
      mode: 0o644,
      size: 13,
      modified: 1n,
    });
  });

  test("noise is one error, and never another", () => {
    for (let seed = 1; seed < 400; seed++) {
      const noise = Uint8Array.from(
        { length: seed % 60 },
        (_, at) => (seed * 31 + at * at * 17 + (at * seed) / 3) & 255,
      );
      try {
        decodePacket(noise);
      } catch (error) {
        expect(error).toMatchObject({ name: "GrpcError" });
      }
    }
  });
});

test("metadata keeps its values apart, whatever is in them", () => {
  const metadata = { "dir-name": ["context"], "exclude-patterns": ["a, b", "ü", " x"], none: [] };
  const headers = encodeMetadata(metadata);
  expect(headers["dir-name-encoded"]).toBeUndefined();
  expect(encodeMetadata({ x: ["ü"] })).toEqual({ x: ["\u00c3\u00bc"] });
  expect(decodeMetadata({ x: ["\u00c3\u00bc", "caf\u00e9"] })).toEqual({ x: ["ü", "café"] });
  expect(headers["exclude-patterns-encoded"]).toEqual(["1"]);
  expect(decodeMetadata(headers)).toEqual({
    "dir-name": ["context"],
    "exclude-patterns": ["a, b", "ü", " x"],
  });
});

test("a status travels whole", () => {
  const message = {
    vertexes: [
      {
        digest: "sha256:a",
        inputs: ["sha256:b", "sha256:c"],
        name: "[1/2] RUN x",
        cached: true,
        started: 1_700_000_000_123,
        completed: undefined,
        error: "no",
      },
    ],
    statuses: [
      {
        id: "i",
        vertex: "sha256:a",
        name: "n",
        current: 5,
        total: 2 ** 41,
        time: 1000,
        started: 1,
        completed: 2,
      },
    ],
    logs: [{ vertex: "sha256:a", time: 7, stream: 2, bytes: Uint8Array.of(104, 105) }],
    warnings: [
      {
        vertex: "sha256:a",
        level: 1,
        short: "s",
        detail: ["d", "e"],
        url: "u",
        fileName: "Dockerfile",
        fileText: "FROM x",
        ranges: [{ start: 2, end: 3 }],
      },
    ],
  };
  expect(decodeStatus(encodeStatus(message))).toEqual(message);
});

describe("openFileTree()", () => {
  let root = "";
  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), "berth-tree-"));
    for (const folder of ["a", "a/deep", "b", "node_modules", "node_modules/x"])
      mkdirSync(join(root, folder));
    for (const file of ["a.txt", "a/1", "a/deep/2", "b/3", "node_modules/x/4", "Dockerfile"]) {
      writeFileSync(join(root, file), file);
    }
    linkSync(join(root, "a/1"), join(root, "b/same"));
    symlinkSync("../a/deep", join(root, "b/link"));
    symlinkSync("../../../etc/passwd", join(root, "out"));
  });
  afterAll(() => rmSync(root, { recursive: true }));

  const walk = async (filter: Partial<TreeFilter>) => {
    const found: string[] = [];
    const tree = openFileTree(root, { include: [], exclude: [], follow: [], ...filter });
    for await (const { path, linkName } of tree.walk())
      found.push(linkName === "" ? path : `${path}>${linkName}`);
    return found;
  };

  test("tells all, folders first, by name", async () => {
    expect(await walk({})).toEqual([
      ...[
        "Dockerfile",
        "a",
        "a/1",
        "a/deep",
        "a/deep/2",
        "a.txt",
        "b",
        "b/3",
        "b/link>../a/deep",
        "b/same>a/1",
      ],
      ...["node_modules", "node_modules/x", "node_modules/x/4", "out>../../../etc/passwd"],
    ]);
  });

  test("leaves out what is excluded, and brings back what is not", async () => {
    expect(await walk({ exclude: ["node_modules", "b", "a", "!a/deep"] })).toEqual([
      ...["Dockerfile", "a", "a/deep", "a/deep/2", "a.txt", "out>../../../etc/passwd"],
    ]);
  });

  test("tells folders above what is included, and no others", async () => {
    expect(await walk({ include: ["a/deep/2", "*.txt"] })).toEqual(["a", "a/deep", "a/deep/2", "a.txt"]);
    expect(await walk({ include: ["Dockerfile", "Dockerfile.dockerignore"] })).toEqual(["Dockerfile"]);
  });

  test("follows links within the root, and wildcards", async () => {
    expect(await walk({ follow: ["b/link/2"] })).toEqual([
      "a",
      "a/deep",
      "a/deep/2",
      "b",
      "b/link>../a/deep",
    ]);
    expect(await walk({ follow: ["out"] })).toEqual(["out>../../../etc/passwd"]);
    expect(await walk({ follow: ["b/li*"] })).toEqual(["a", "a/deep", "a/deep/2", "b", "b/link>../a/deep"]);
    expect((await walk({ follow: ["."] })).length).toBe(14);
    expect(await walk({ follow: ["nowhere/x"] })).toEqual([]);
  });

  test("reads what it told", async () => {
    const tree = openFileTree(root, { include: [], exclude: [], follow: [] });
    expect(Buffer.concat(await Array.fromAsync(tree.read("a/1"))).toString()).toBe("a/1");
    expect(Array.fromAsync(tree.read("out"))).rejects.toThrow();
  });
});
