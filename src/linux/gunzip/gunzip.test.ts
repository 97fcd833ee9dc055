import { afterAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { randomBytes } from "node:crypto";
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32, gzipSync } from "node:zlib";
import { decompress } from "../../lib/index.ts";
import { canGunzip, gunzipInto } from "./gunzip.ts";

// The machine may be busy with other tests; none of these is about time.
setDefaultTimeout(60_000);

const root = mkdtempSync(join(tmpdir(), "berth-gunzip-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let path = "";
let files = 0;
beforeEach(() => newFile());

function newFile(): void {
  path = join(root, String(++files));
  writeFileSync(path, "");
}

/** More than all slots hold, what compresses and what does not. */
const plain = Buffer.concat([
  Buffer.alloc(1_000_000, "berth "),
  randomBytes(1_500_000),
  Buffer.alloc(2_000_000, readFileSync(import.meta.path)),
]);

async function* inChunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** What was shown, which must be what is in the file. */
async function inflated(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const shown: Buffer[] = [];
  for await (const bytes of gunzipInto(path, source)) shown.push(Buffer.from(new Uint8Array(bytes)));
  const whole = Buffer.concat(shown);
  expect(readFileSync(path).equals(whole)).toBe(true);
  return whole;
}

function openFiles(): string[] {
  return readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`);
      return target.startsWith(root) ? [target] : [];
    } catch {
      return [];
    }
  });
}

/** Where Debian puts it; on other machines it is not used. */
const isInstalled = process.arch === "x64" && existsSync("/usr/lib/x86_64-linux-gnu/libisal.so.2");
const testInstalled = test.skipIf(!isInstalled);

test("the library is used where it is installed", async () => {
  expect(await canGunzip()).toBe(isInstalled);
});

testInstalled("a file of its name that is something else is not used", async () => {
  const library = /\/\S*\/libisal\.so\S*/.exec(readFileSync("/proc/self/maps", "utf8"))![0];
  for (const other of ["/dev/null", process.execPath]) {
    const code = `console.log(await (await import("${import.meta.dir}/gunzip.ts")).canGunzip()); process.exit()`;
    const script = 'mount --bind "$1" "$2" && exec "$3" -e "$4"';
    const command = ["unshare", "--mount", "sh", "-c", script, "sh", other, library, process.execPath, code];
    const { stdout, stderr } = Bun.spawnSync(command);
    expect(`${stdout}${stderr}`).toBe("false\n");
  }
});

describe.skipIf(!isInstalled)("gunzipInto() does what decompress() does with", () => {
  const [one, two, empty] = [gzipSync(plain), gzipSync("two"), gzipSync("")];
  const [zeros, garbage] = [Buffer.alloc(700), Buffer.from("garbage and more of it")];
  const withHead = (flags: number, fields: Uint8Array) =>
    Buffer.concat([Buffer.from([0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 3]), fields, two.subarray(10)]);
  const changed = (bytes: Buffer, at: number) => {
    const copy = Buffer.from(bytes);
    copy[copy.length + at]! ^= 1;
    return copy;
  };
  const headCheck = Buffer.alloc(2);
  headCheck.writeUInt16LE(crc32(Buffer.from([0x1f, 0x8b, 8, 2, 0, 0, 0, 0, 0, 3])) & 0xffff);

  const streams: readonly [what: string, bytes: Uint8Array][] = [
    ["one member", one],
    ["one that is stored", gzipSync(plain, { level: 0 })],
    ["members one after another", Buffer.concat([empty, two, one, empty, two])],
    ["padding", Buffer.concat([one, zeros])],
    ["anything behind padding", Buffer.concat([one, zeros, two, garbage])],
    ["garbage behind the end", Buffer.concat([one, garbage])],
    ["one byte behind the end", Buffer.concat([one, two.subarray(0, 1)])],
    ["a member that is cut off in its head", Buffer.concat([one, two.subarray(0, 5)])],
    ["a wrong check", changed(one, -8)],
    ["a wrong length", changed(one, -1)],
    ["a trailer that is cut off", one.subarray(0, -3)],
    ["no trailer", one.subarray(0, -8)],
    ["data that is cut off", one.subarray(0, -100_000)],
    ["data that is damaged", Buffer.concat([one.subarray(0, 5000), garbage, one.subarray(5022)])],
    ["a head alone", two.subarray(0, 10)],
    ["no more than the magic number", two.subarray(0, 3)],
    ["nothing", Buffer.alloc(0)],
    ["a name, a comment and other fields", withHead(0x1d, Buffer.from("\x03\x00abcname\0comment\0"))],
    ["fields that are empty", withHead(0x1c, Buffer.alloc(4))],
    ["a long name, and a comment", withHead(0x18, Buffer.from(`${"n".repeat(300_000)}\0comment\0`))],
    ["a name without end", withHead(0x08, Buffer.alloc(300_000, "n"))],
    ["a head with its check", withHead(2, headCheck)],
    ["a head with a wrong check", withHead(2, Buffer.from([1, 2]))],
    ["flags that nobody knows", withHead(0xe0, Buffer.alloc(0))],
    ["another method", Buffer.concat([one, Buffer.from([0x1f, 0x8b, 9]), two.subarray(3)])],
  ];
  for (const [what, bytes] of streams) {
    test(what, async () => {
      for (const size of [100_000, 1 << 22, 777]) {
        newFile();
        const expected = await Array.fromAsync(decompress(inChunks(bytes, size))).then(
          (pieces) => Buffer.concat(pieces),
          (error: Error) => error.message,
        );
        if (bytes.length < 3) expect(expected).toEqual(Buffer.from(bytes));
        else if (typeof expected === "string") {
          await expect(inflated(inChunks(bytes, size))).rejects.toThrow(expected);
        } else expect((await inflated(inChunks(bytes, size))).equals(expected)).toBe(true);
      }
      expect(openFiles()).toEqual([]);
    });
  }
});

testInstalled("many side by side each get their own", async () => {
  const all = Array.from({ length: 12 }, (_, n) => plain.subarray(n * 100_000, 2_000_000 + n * 100_000));
  const made = all.map(async (content, n) => {
    const own = join(root, `beside-${n}`);
    writeFileSync(own, "");
    for await (const _ of gunzipInto(own, inChunks(gzipSync(content, { level: 1 }), 10_000 + n)));
    return readFileSync(own).equals(content);
  });
  expect(await Promise.all(made)).toEqual(all.map(() => true));
});

testInstalled(
  "what is shown stays until the next is asked for, whatever else is inflated meanwhile",
  async () => {
    const slow = gunzipInto(path, inChunks(gzipSync(plain.subarray(-50_000)), 1000));
    const shown = await slow.next();
    for (let other = 0; other < 3; other++) {
      newFile();
      expect((await inflated(inChunks(gzipSync(plain), 100_000))).equals(plain)).toBe(true);
    }
    expect(Buffer.from(shown.value!).equals(plain.subarray(-50_000))).toBe(true);
    expect((await slow.next()).done).toBe(true);
  },
);

testInstalled("a bomb goes off no faster than its reader wants", async () => {
  const zeros = gzipSync(Buffer.alloc(64 << 20));
  let pieces = 0;
  for await (const bytes of gunzipInto(path, inChunks(zeros, 65_536))) {
    expect(bytes.length).toBeLessThanOrEqual(256 << 10);
    if (++pieces === 3) break;
  }
  expect(readFileSync(path).length).toBeLessThanOrEqual(2 << 20);
});

testInstalled("a reader that gives up leaves nothing open, and its source is let go", async () => {
  let isLetGo = false;
  const source = (async function* () {
    try {
      yield* inChunks(gzipSync(plain), 10_000);
    } finally {
      isLetGo = true;
    }
  })();
  for await (const bytes of gunzipInto(path, source)) {
    expect(bytes.length).toBeGreaterThan(0);
    break;
  }
  expect(isLetGo).toBe(true);
  expect(openFiles()).toEqual([]);
  newFile();
  expect((await inflated(inChunks(gzipSync(plain), 100_000))).equals(plain)).toBe(true);
});

testInstalled("a source that fails is why it ends", async () => {
  const failing = (async function* () {
    yield gzipSync(plain).subarray(0, 400_000);
    throw new Error("the client went away");
  })();
  await expect(inflated(failing)).rejects.toThrow("the client went away");
  expect(openFiles()).toEqual([]);
});

testInstalled("a file that cannot be opened or written is told as the system tells it", async () => {
  path = join(root, "nothing", "here");
  await expect(inflated(inChunks(gzipSync(plain), 100_000))).rejects.toMatchObject({ code: "ENOENT" });
  path = "/dev/full";
  const full = (async () => {
    for await (const _ of gunzipInto(path, inChunks(gzipSync(plain), 100_000)));
  })();
  await expect(full).rejects.toMatchObject({ code: "ENOSPC" });
});
