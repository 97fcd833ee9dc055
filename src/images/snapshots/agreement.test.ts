import { afterAll, expect, test } from "bun:test";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { digestOf, messageOf } from "../../lib/index.ts";
import { Trash } from "../../store/index.ts";
import { IndexedLayers } from "../erofs/indexed-layers.ts";
import {
  describeTree,
  device,
  dir,
  file,
  hard,
  type Member,
  opaque,
  symlink,
  tar,
  whiteout,
} from "../testing.ts";
import type { DiffId, Snapshotter } from "./snapshotter.ts";
import { StackedSnapshotter } from "./stacked-snapshotter.ts";
import { UnpackedLayers } from "./unpacked-layers.ts";

const base = await mkdtemp(join(tmpdir(), "berth-agreement-"));
afterAll(() => rm(base, { recursive: true, force: true }), 60_000);

const tarPath = (diffId: string) => join(base, `${diffId}.tar`);

async function both(): Promise<{ indexed: Snapshotter; unpacked: Snapshotter }> {
  const open = async (
    name: string,
    store: (root: string, trash: Trash) => Promise<UnpackedLayers | IndexedLayers>,
  ) => {
    const root = join(base, name);
    await mkdir(root, { recursive: true, mode: 0o700 });
    const trash = Trash.open(join(root, "trash"));
    return await StackedSnapshotter.open(root, await store(join(root, "layers"), trash), trash);
  };
  return {
    indexed: await open("indexed", (root) => IndexedLayers.open(root, tarPath)),
    unpacked: await open("unpacked", (root, trash) => UnpackedLayers.open(root, trash, async () => {})),
  };
}

/** A generator whose sequence a seed decides (mulberry32). */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

/** A layer of names that get in one another's way as often as possible. */
function randomLayer(next: (below: number) => number): Member[] {
  const part = () => ["a", "b", "c", "..", "."][next(next(4) === 0 ? 5 : 3)]!;
  const path = () => Array.from({ length: 1 + next(4) }, part).join("/");
  const times = { mtimeNs: 1_000_000_000_000_000_000n };
  const member = (): Member => {
    switch (next(12)) {
      case 0:
      case 1:
      case 2:
        return dir(`${path()}/`, { ...times, mode: 0o700 + next(64) });
      case 3:
      case 4:
        return symlink(path(), (next(3) === 0 ? "/" : "") + path(), times);
      case 5:
        return hard(path(), path());
      case 6:
        return whiteout(path());
      case 7:
        return opaque(path());
      case 8:
        return device(path(), next(2), next(2), times);
      default:
        return file(path(), "x".repeat(next(3)), { ...times, uid: next(3) });
    }
  };
  return Array.from({ length: 2 + next(14) }, member);
}

async function add(snapshotter: Snapshotter, bytes: Uint8Array): Promise<DiffId | string> {
  try {
    await using receiver = await snapshotter.receive();
    await receiver.write(bytes);
    await receiver.end();
    await receiver.stage(tarPath(digestOf(bytes)));
    await receiver.commit(digestOf(bytes));
    return digestOf(bytes);
  } catch (error) {
    return `refused: ${messageOf(error)}`;
  }
}

/** Directories that a tar only implies, and whiteouts, have a time of the unpacker's choice. */
const withoutTimes = (lines: string[]) =>
  lines.map((line) => line.replace(/(directory \d+ \d+:\d+|char 0 0:0) -?\d+/, "$1"));

test("layers that are indexed and layers that are unpacked are the same, or both are refused", async () => {
  const { indexed, unpacked } = await both();
  try {
    let taken = 0;
    for (let seed = 1; seed <= 400; seed++) {
      const members = randomLayer(random(seed));
      const bytes = tar(...members);
      await writeFile(tarPath(digestOf(bytes)), bytes);
      const [one, other] = [await add(indexed, bytes), await add(unpacked, bytes)];
      const script = members
        .map(({ header }) => `${header.kind} ${header.name} ${header.linkName ?? ""}`)
        .join("\n");
      const refused = [one, other].map((result) => result.startsWith("refused"));
      if (refused[0] !== refused[1])
        throw new Error(`seed ${seed}:\n${script}\nindexed: ${one}\nunpacked: ${other}`);
      if (refused[0]) continue;
      taken++;
      using a = await indexed.viewLayers([one as DiffId]);
      using b = await unpacked.viewLayers([other as DiffId]);
      const [left, right] = [withoutTimes(describeTree(a)), withoutTimes(describeTree(b))];
      if (left.join("\n") !== right.join("\n")) {
        throw new Error(
          `seed ${seed}:\n${script}\nindexed:\n${left.join("\n")}\nunpacked:\n${right.join("\n")}`,
        );
      }
    }
    expect(taken).toBeGreaterThan(50);
  } finally {
    await indexed.close();
    await unpacked.close();
  }
}, 120_000);
