import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeName } from "../names.ts";
import {
  encodeHeader,
  padding,
  readTar,
  TAR_END,
  type TarEntry,
  TarError,
  type TarHeaderInput,
  TarScanner,
} from "./index.ts";

// The machine may be busy with other tests; none of these is about time.
setDefaultTimeout(60_000);

const directory = await mkdtemp(join(tmpdir(), "berth-tar-"));
afterAll(() => rm(directory, { recursive: true, force: true }));

interface Member {
  header: TarHeaderInput;
  data?: Uint8Array;
}

function pack(members: readonly Member[]): Buffer {
  const parts: Uint8Array[] = [];
  for (const { header, data } of members) {
    parts.push(encodeHeader(header));
    if (data !== undefined) parts.push(data, padding(data.length));
  }
  return Buffer.concat([...parts, TAR_END]);
}

async function* inChunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function unpack(bytes: Uint8Array, chunkBytes = 65_536): Promise<{ entry: TarEntry; data: Buffer }[]> {
  const members: { entry: TarEntry; data: Buffer }[] = [];
  for await (const { entry, body } of readTar(inChunks(bytes, chunkBytes))) {
    const parts: Uint8Array[] = [];
    for await (const part of body) parts.push(Uint8Array.from(part));
    members.push({ entry, data: Buffer.concat(parts) });
  }
  return members;
}

const notUtf8 = decodeName(Uint8Array.from([0x6e, 0xff, 0xfe]));
const samples: Member[] = [
  { header: { name: "dir/", kind: "directory", mode: 0o1777, uid: 7, gid: 9 } },
  { header: { name: "dir/empty", kind: "file", size: 0 }, data: new Uint8Array(0) },
  { header: { name: "dir/file", kind: "file", size: 1300, mode: 0o4755 }, data: Buffer.alloc(1300, "x") },
  { header: { name: "dir/exact", kind: "file", size: 512, uid: 3_000_000 }, data: Buffer.alloc(512, "y") },
  { header: { name: `${"long/".repeat(60)}name`, kind: "file", size: 1 }, data: Buffer.from("z") },
  { header: { name: `${"p".repeat(60)}/${"n".repeat(90)}`, kind: "symlink", linkName: "t".repeat(600) } },
  { header: { name: "größe-日本", kind: "hardlink", linkName: "dir/file" } },
  { header: { name: notUtf8, kind: "symlink", linkName: notUtf8 } },
  { header: { name: "null", kind: "char", major: 1, minor: 3, mtimeNs: 1_600_000_000_123_456_789n } },
  { header: { name: "disk", kind: "block", major: 8, minor: 17, mtimeNs: -1_500_000_000n } },
  { header: { name: "pipe", kind: "fifo", userName: "nobody", groupName: "größe" } },
  {
    header: {
      name: "capable",
      kind: "file",
      size: 3,
      xattrs: new Map([
        ["user.b", Buffer.from([0, 1, 2, 10, 61])],
        ["security.capability", Buffer.from([1, 0, 0, 2, 0, 4])],
      ]),
    },
    data: Buffer.from("abc"),
  },
  {
    header: {
      name: "holes",
      kind: "file",
      size: 2 ** 40,
      segments: [
        { offset: 4096, length: 600 },
        { offset: 2 ** 39, length: 10 },
      ],
    },
    data: Buffer.alloc(610, "s"),
  },
];

describe("a written archive reads back", () => {
  for (const chunkBytes of [1, 7, 511, 512, 513, 65_536]) {
    test(`in chunks of ${chunkBytes}`, async () => {
      const members = await unpack(pack(samples), chunkBytes);
      expect(members.length).toBe(samples.length);
      for (const [i, { entry, data }] of members.entries()) {
        const { header, data: written } = samples[i]!;
        expect(entry).toMatchObject({
          ...header,
          xattrs: entry.xattrs,
          mtimeNs: header.mtimeNs ?? 0n,
        });
        expect([...entry.xattrs]).toEqual(
          [...(header.xattrs ?? [])].sort().map(([k, v]) => [k, Uint8Array.from(v)]),
        );
        expect(data).toEqual(Buffer.from(written ?? []));
      }
    });
  }

  test("equal metadata gives equal bytes", () => {
    expect(pack(samples)).toEqual(pack(structuredClone(samples)));
  });

  test("dataOffset and headerOffset point into the stream", async () => {
    const bytes = pack(samples);
    for (const { entry, data } of await unpack(bytes, 100)) {
      expect(bytes.subarray(entry.dataOffset, entry.dataOffset + entry.storedSize)).toEqual(data);
      expect(entry.headerOffset % 512).toBe(0);
    }
  });

  test("members whose bodies are not read are passed over", async () => {
    const names: string[] = [];
    for await (const { entry } of readTar(inChunks(pack(samples), 1000))) names.push(entry.name);
    expect(names).toEqual(samples.map(({ header }) => header.name));
  });

  test("a body read in part is passed over from there", async () => {
    const names: string[] = [];
    for await (const { entry, body } of readTar(inChunks(pack(samples), 100))) {
      names.push(entry.name);
      for await (const _ of body) break;
    }
    expect(names).toEqual(samples.map(({ header }) => header.name));
  });
});

describe("with GNU tar", () => {
  const run = (...command: string[]) => {
    const { exitCode, stdout, stderr } = Bun.spawnSync(command, {
      cwd: directory,
      env: { ...process.env, TZ: "UTC" },
    });
    if (exitCode !== 0) throw new Error(`${command.join(" ")}: ${stderr}`);
    return stdout;
  };

  test("reads what we write", async () => {
    const listed = samples.filter(({ header }) => header.name !== notUtf8);
    await Bun.write(join(directory, "ours.tar"), pack(listed));
    const lines = run("tar", "--quoting-style=literal", "--full-time", "-tvf", "ours.tar")
      .toString()
      .trim()
      .split("\n");
    expect(lines.length).toBe(listed.length);
    expect(lines[2]).toStartWith("-rwsr-xr-x 0/0");
    expect(lines[5]).toEndWith(` -> ${"t".repeat(600)}`);
    expect(lines[7]).toContain("1,3 2020-09-13 12:26:40.123456789 null");
    expect(lines[8]).toContain("8,17 1969-12-31");
    expect(lines[11]).toContain(` ${2 ** 40} `);
  });

  for (const format of ["v7", "oldgnu", "gnu", "ustar", "posix"]) {
    test(`its ${format} archives are read`, async () => {
      const name = format === "v7" || format === "ustar" ? "plain" : `${"deep/".repeat(30)}ö`;
      run("mkdir", "-p", `in-${format}/${name}.d`);
      await Bun.write(join(directory, `in-${format}/${name}`), "hello");
      run("ln", "-sf", "target", `in-${format}/link`);
      run("ln", "-f", `in-${format}/${name}`, `in-${format}/zz-hard`);
      run("touch", "-d", "2001-02-03 04:05:06.789 UTC", `in-${format}/${name}`);
      run("tar", `--format=${format}`, "--sort=name", "-cf", `${format}.tar`, `in-${format}`);
      const members = await unpack(await Bun.file(join(directory, `${format}.tar`)).bytes(), 1111);
      const byName = new Map(members.map((m) => [m.entry.name, m]));
      expect(byName.get(`in-${format}/${name}`)?.data.toString()).toBe("hello");
      expect(byName.get(`in-${format}/link`)?.entry).toMatchObject({ kind: "symlink", linkName: "target" });
      expect(byName.get(`in-${format}/zz-hard`)?.entry).toMatchObject({
        kind: "hardlink",
        linkName: `in-${format}/${name}`,
      });
      expect(byName.get(`in-${format}/`)?.entry.kind).toBe("directory");
      const ns = format === "posix" ? 981_173_106_789_000_000n : 981_173_106_000_000_000n;
      expect(byName.get(`in-${format}/${name}`)?.entry.mtimeNs).toBe(ns);
    });
  }

  for (const [label, options] of [
    ["old GNU", ["--format=gnu"]],
    ["PAX 0.0", ["--format=posix", "--sparse-version=0.0"]],
    ["PAX 0.1", ["--format=posix", "--sparse-version=0.1"]],
    ["PAX 1.0", ["--format=posix", "--sparse-version=1.0"]],
  ] as const) {
    test(`its sparse files in format ${label} are read`, async () => {
      run("truncate", "-s", "0", "holes");
      run("truncate", "-s", "20M", "holes");
      for (let i = 0; i < 60; i++) {
        run("dd", "if=/dev/zero", "of=probe", "bs=1", "count=0");
        const file = Bun.spawnSync(["dd", "of=holes", "bs=4096", `seek=${i * 80}`, "conv=notrunc"], {
          cwd: directory,
          stdin: Buffer.alloc(4096, String.fromCharCode(65 + (i % 26))),
        });
        expect(file.exitCode).toBe(0);
      }
      run("tar", "-S", ...options, "-cf", "sparse.tar", "holes");
      const bytes = await Bun.file(join(directory, "sparse.tar")).bytes();
      expect(bytes.length).toBeLessThan(2 << 20);
      const [member] = await unpack(bytes, 3000);
      expect(member!.entry).toMatchObject({ name: "holes", size: 20 << 20 });
      const whole = Buffer.alloc(20 << 20);
      let at = 0;
      for (const { offset, length } of member!.entry.segments!) {
        whole.set(member!.data.subarray(at, at + length), offset);
        at += length;
      }
      expect(whole.equals(Buffer.from(await Bun.file(join(directory, "holes")).bytes()))).toBe(true);
    });
  }

  test("extracts our sparse files", async () => {
    const sparse = samples.at(-1)!;
    const header = { ...sparse.header, size: 1 << 20, segments: [{ offset: 8192, length: 610 }] };
    await Bun.write(join(directory, "ours-sparse.tar"), pack([{ header, data: sparse.data! }]));
    run("tar", "-xf", "ours-sparse.tar");
    const bytes = await Bun.file(join(directory, "holes")).bytes();
    expect(bytes.length).toBe(1 << 20);
    expect(Buffer.from(bytes.subarray(8192, 8192 + 610)).equals(Buffer.from(sparse.data!))).toBe(true);
  });
});

describe("global PAX headers", () => {
  const globalOf = (body: string) => {
    const bytes = Buffer.from(body);
    const block = encodeHeader({ name: "g", kind: "file", size: bytes.length });
    block[156] = "g".charCodeAt(0);
    return Buffer.concat([rechecksum(block), bytes, padding(bytes.length)]);
  };

  test("hold for the members after them, below local ones", async () => {
    const bytes = Buffer.concat([
      globalOf(record("uid", "54321") + record("mtime", "123456.5000") + record("comment", "hello")),
      encodeHeader({ name: "a", kind: "file", uid: 5 }),
      encodeHeader({ name: "b", kind: "file", mtimeNs: 7n }),
      globalOf(record("uid", "")),
      encodeHeader({ name: "c", kind: "file", uid: 5 }),
      TAR_END,
    ]);
    const members = await unpack(bytes);
    expect(members.map(({ entry }) => [entry.name, entry.uid, entry.mtimeNs])).toEqual([
      ["a", 54321, 123_456_500_000_000n],
      ["b", 54321, 7n],
      ["c", 5, 123_456_500_000_000n],
    ]);
  });
});

function rechecksum(block: Uint8Array): Uint8Array {
  block.fill(0x20, 148, 156);
  const sum = block.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  block.set(Buffer.from(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
  return block;
}

function patched(
  at: number,
  bytes: number[] | string,
  header: TarHeaderInput = { name: "f", kind: "file" },
): Buffer {
  const block = encodeHeader(header);
  block.set(typeof bytes === "string" ? Buffer.from(bytes) : bytes, at);
  return Buffer.concat([rechecksum(block), TAR_END]);
}

/** An extension header with a body of our own. */
function extension(flag: string, body: Uint8Array | string, claimed?: number): Buffer {
  const bytes = Buffer.from(body);
  const block = encodeHeader({ name: "x", kind: "file", size: claimed ?? bytes.length });
  block[156] = flag.charCodeAt(0);
  return Buffer.concat([rechecksum(block), bytes, padding(bytes.length)]);
}

const file = encodeHeader({ name: "f", kind: "file" });
const record = (key: string, value: string) => {
  const rest = ` ${key}=${value}\n`;
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length++;
  return `${length}${rest}`;
};

describe("hostile archives are refused", () => {
  const cases: [name: string, bytes: Uint8Array, message: RegExp][] = [
    ["noise", Buffer.alloc(2048, 0xa7), /invalid tar header/],
    [
      "a wrong checksum",
      Buffer.concat([encodeHeader({ name: "f", kind: "file" }).fill(0x31, 0, 1), TAR_END]),
      /checksum/,
    ],
    ["a block cut short", file.subarray(0, 300), /unexpected EOF/],
    ["a body cut short", encodeHeader({ name: "f", kind: "file", size: 10 }), /unexpected EOF/],
    ["an extension cut short", extension("x", record("path", "a")).subarray(0, 515), /unexpected EOF/],
    ["an extension without a member", extension("x", record("path", "a")), /unexpected EOF/],
    [
      "an extension before the end",
      Buffer.concat([extension("x", record("path", "a")), TAR_END]),
      /no member/,
    ],
    [
      "a lone zero block before a member",
      Buffer.concat([new Uint8Array(512), file, TAR_END]),
      /lone zero block/,
    ],
    ["a size that is not octal", patched(124, "00000000zzz\0"), /not octal/],
    ["a negative size", patched(124, [0xff, ...Array(10).fill(0xff), 0xfe]), /negative size/],
    ["a size beyond 2^53", patched(124, [0x80, 0x7f, ...Array(10).fill(0xff)]), /too large/],
    [
      "a uid of 2^32 - 1",
      patched(108, [0x80, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]),
      /uid 4294967295 is out of range/,
    ],
    ["a negative gid", patched(116, Array(8).fill(0xff)), /gid -1 is out of range/],
    [
      "a uid of 2^32 - 1 in PAX",
      Buffer.concat([extension("x", record("uid", "4294967295")), file]),
      /out of range/,
    ],
    ["a long name of 2 GB", extension("L", "a", 2 ** 31), /extension is too long/],
    ["a PAX header of 2 GB", extension("x", "a", 2 ** 31), /extension is too long/],
    ["a PAX record without length", Buffer.concat([extension("x", "a=b\n"), file]), /no length/],
    [
      "a PAX record longer than its header",
      Buffer.concat([extension("x", "999 a=b\n"), file]),
      /wrong length/,
    ],
    ["a PAX record of length 0", Buffer.concat([extension("x", "0 a=b\n"), file]), /wrong length/],
    [
      "a PAX record with an overlong length",
      Buffer.concat([extension("x", "0000000000009 a=b\n"), file]),
      /no length/,
    ],
    ["a PAX record without key", Buffer.concat([extension("x", "5 =b\n"), file]), /no key|wrong length/],
    ["NUL in a PAX path", Buffer.concat([extension("x", record("path", "a\0b")), file]), /NUL in path/],
    [
      "NUL in a PAX link",
      Buffer.concat([extension("x", record("linkpath", "a\0b")), file]),
      /NUL in linkpath/,
    ],
    [
      "an xattr without a name",
      Buffer.concat([extension("x", record("SCHILY.xattr.", "a")), file]),
      /xattr has no name/,
    ],
    [
      "a PAX size that is negative",
      Buffer.concat([extension("x", record("size", "-5")), file]),
      /size is no number/,
    ],
    [
      "a PAX time that is none",
      Buffer.concat([extension("x", record("mtime", "1e9")), file]),
      /mtime is no time/,
    ],
    [
      "seventeen extensions in a row",
      Buffer.concat(Array(17).fill(extension("x", record("a", "b")))),
      /too many ext/,
    ],
    [
      "global extensions without end",
      Buffer.concat(Array(3).fill(extension("g", record("a", "b".repeat(500_000))))),
      /global extensions are too long/,
    ],
    [
      "a sparse map out of order",
      Buffer.concat([
        extension("x", record("GNU.sparse.map", "512,1,0,1") + record("GNU.sparse.size", "9999")),
        file,
      ]),
      /out of order/,
    ],
    [
      "a sparse map beyond the file",
      Buffer.concat([
        extension("x", record("GNU.sparse.map", "512,1") + record("GNU.sparse.size", "10")),
        file,
      ]),
      /out of order/,
    ],
    [
      "a sparse map that claims more data than there is",
      Buffer.concat([
        extension("x", record("GNU.sparse.map", "0,9") + record("GNU.sparse.size", "10")),
        file,
      ]),
      /does not fit its data/,
    ],
    [
      "a sparse map without end",
      Buffer.concat([
        extension(
          "x",
          record("GNU.sparse.major", "1") +
            record("GNU.sparse.minor", "0") +
            record("GNU.sparse.realsize", "10"),
        ),
        encodeHeader({ name: "f", kind: "file", size: 1024 }),
        Buffer.alloc(1024, "1"),
      ]),
      /overlong number/,
    ],
    [
      "a sparse map that claims a billion pairs",
      Buffer.concat([
        extension(
          "x",
          record("GNU.sparse.major", "1") +
            record("GNU.sparse.minor", "0") +
            record("GNU.sparse.realsize", "10"),
        ),
        encodeHeader({ name: "f", kind: "file", size: 512 }),
        Buffer.from("1000000000\n".padEnd(512, "\0")),
      ]),
      /too many sparse segments/,
    ],
    ["zeros without end", Buffer.alloc(65 << 20), /goes on long after its end/],
  ];
  for (const [name, bytes, message] of cases) {
    test(name, async () => {
      await expect(unpack(bytes)).rejects.toThrow(message);
      if (bytes.length < 100_000) await expect(unpack(bytes, 13)).rejects.toThrow(message);
    });
  }
});

describe("odd archives that others read are read", () => {
  test("nothing at all, and nothing but zeros", async () => {
    expect(await unpack(new Uint8Array(0))).toEqual([]);
    expect(await unpack(new Uint8Array(512))).toEqual([]);
    expect(await unpack(new Uint8Array(10_240))).toEqual([]);
  });

  test("no end mark, no padding", async () => {
    const bytes = Buffer.concat([encodeHeader({ name: "f", kind: "file", size: 3 }), Buffer.from("abc")]);
    expect((await unpack(bytes))[0]!.data.toString()).toBe("abc");
  });

  test("rubbish after the end mark", async () => {
    expect((await unpack(Buffer.concat([pack(samples), Buffer.alloc(5000, 7)]))).length).toBe(samples.length);
  });

  test("a directory and a link that claim a size have no body", async () => {
    const bytes = Buffer.concat([
      patched(124, "00000001000\0", { name: "d/", kind: "directory" }).subarray(0, 512),
      patched(124, "00000001000\0", { name: "l", kind: "hardlink", linkName: "f" }).subarray(0, 512),
      file,
      TAR_END,
    ]);
    expect((await unpack(bytes)).map(({ entry }) => entry.name)).toEqual(["d/", "l", "f"]);
  });

  test("signed checksums, as old tars wrote them", async () => {
    const block = encodeHeader({ name: "f", kind: "file" });
    block.set([0xe9], 1);
    block.fill(0x20, 148, 156);
    const sum = block.reduce((total, byte) => total + (byte > 127 ? byte - 256 : byte), 0);
    block.set(Buffer.from(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
    expect((await unpack(Buffer.concat([block, TAR_END])))[0]!.entry.name).toBe(
      decodeName(Buffer.from([0x66, 0xe9])),
    );
  });

  test("an unknown type is told as it is", async () => {
    const bytes = patched(156, "V");
    expect((await unpack(bytes))[0]!.entry).toMatchObject({ kind: "other", typeFlag: 0x56 });
  });
});

test("TarScanner without data gives entries only", () => {
  const scanner = new TarScanner({ withData: false });
  scanner.push(pack(samples));
  const kinds: string[] = [];
  for (let token = scanner.next(); token !== undefined; token = scanner.next()) kinds.push(token.type);
  scanner.finish();
  expect(kinds).toEqual([...samples.map(() => "entry"), "end"]);
});

test("damage anywhere gives an error or other entries, never anything worse", async () => {
  const whole = pack(samples);
  let state = 1;
  const next = (below: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return state % below;
  };
  let refused = 0;
  for (let round = 0; round < 3000; round++) {
    const bytes = Buffer.from(whole);
    for (let i = 0; i <= next(4); i++) {
      const header = next(bytes.length / 512) * 512;
      bytes[next(2) === 0 ? next(bytes.length) : header + 100 + next(60)] = next(256);
      // Most damage only breaks the checksum: what is behind it has to be met as well.
      if (next(3) > 0) rechecksum(bytes.subarray(header, header + 512));
    }
    try {
      let entries = 0;
      for (const { entry, data } of await unpack(
        bytes.subarray(0, bytes.length - next(3) * next(2000)),
        4000,
      )) {
        expect(data.length).toBe(entry.storedSize);
        entries++;
      }
      expect(entries).toBeLessThan(100);
    } catch (error) {
      if (!(error instanceof TarError)) throw error;
      refused++;
    }
  }
  expect(refused).toBeGreaterThan(1000);
});
