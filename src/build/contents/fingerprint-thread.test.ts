import { afterAll, beforeAll, expect, test } from "bun:test";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cpuCount, type DirHandle, fingerprintAtOnce, openRoot, type RootDir } from "../../linux/index.ts";
import { digestChoice } from "./digest-choice.ts";
import { FileDigests } from "./file-digests.ts";
import { FolderHelp } from "./fingerprint-thread.ts";
import { openDirectory, sourceTree } from "./tree.ts";

const FOLDERS = 40;
let top: string;
let root: RootDir;
beforeAll(() => {
  top = mkdtempSync(join(tmpdir(), "berth-fingerprints-"));
  for (let folder = 0; folder < FOLDERS; folder++) {
    mkdirSync(join(top, "context", String(folder)), { recursive: true });
    for (const name of ["a", "b", "c"])
      writeFileSync(join(top, "context", String(folder), name), `${folder} ${name}`);
  }
  root = openRoot(join(top, "context"));
});
afterAll(() => {
  root.close();
  rmSync(top, { recursive: true });
});

const paths = Array.from({ length: FOLDERS }, (_, folder) => String(folder));

let nowMs = 0;
const helpOf = () => new FolderHelp(root, () => nowMs);

/** As a build that asks about these, which the next one's help will look at. */
function ask(about: readonly string[]): void {
  using help = helpOf();
  for (const path of about) help.take(path);
}

/** What the thread tells of each folder, all of which it has for itself. */
async function told(): Promise<Map<string, string | undefined>> {
  using help = helpOf();
  await help.ended;
  return new Map(paths.map((path) => [path, help.take(path)]));
}

function fingerprint(path: string): string {
  using directory: DirHandle = openDirectory({ root }, path);
  return fingerprintAtOnce(directory);
}

const withThread = test.skipIf(cpuCount() < 2);

withThread(
  "the thread tells what a look at each folder would, and nothing of what is not there",
  async () => {
    ask(paths.slice(0, 3));
    expect(new Set((await told()).values())).toEqual(new Set([undefined]));
    ask([...paths, "gone", "0/a"]);
    using help = helpOf();
    await help.ended;
    for (const path of paths) expect(help.take(path), path).toBe(fingerprint(path));
    for (const path of ["gone", "0/a", "unheard of"]) expect(help.take(path)).toBeUndefined();
  },
);

withThread("each help begins anew, and is not believed for long", async () => {
  ask(paths);
  const before = await told();
  writeFileSync(join(top, "context/30/b"), "changed");
  const after = await told();
  expect(paths.filter((path) => before.get(path) !== after.get(path))).toEqual(["30"]);
  using help = helpOf();
  await help.ended;
  nowMs += 2000;
  expect(help.take("30")).toBeUndefined();
});

test("a digest is the same with help and without, whatever changed between", async () => {
  const signal = new AbortController().signal;
  const shared = new FileDigests(undefined);
  const digest = (digests: FileDigests, help?: FolderHelp) =>
    digestChoice(
      sourceTree({ root, includes: undefined, help } as never, digests),
      { path: "/", wildcards: false },
      signal,
    );
  const changes = [
    () => {},
    () => writeFileSync(join(top, "context/3/a"), "other"),
    () => writeFileSync(join(top, "context/38/new"), ""),
    () => rmSync(join(top, "context/20"), { recursive: true }),
    () => renameSync(join(top, "context/21"), join(top, "context/20")),
    () => mkdirSync(join(top, "context/39/deep/er"), { recursive: true }),
  ];
  const seen = new Set<string>();
  for (const change of changes) {
    change();
    const expected = await digest(new FileDigests(undefined));
    for (let round = 0; round < 4; round++) {
      using help = helpOf();
      if (round % 2 === 0) await help.ended;
      expect(await digest(shared, help)).toBe(expected);
      // So that what is seen now is remembered the next time, and what is remembered is used.
      await Bun.sleep(30);
    }
    seen.add(expected);
  }
  expect(seen.size).toBe(changes.length);
});

test("no descriptor is left", async () => {
  const open = () =>
    readdirSync("/proc/self/fd").filter((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`).startsWith(top);
      } catch {
        return false;
      }
    }).length;
  ask(paths);
  const helps = Array.from({ length: 20 }, helpOf);
  for (const help of helps) help[Symbol.dispose]();
  await Promise.all(helps.map(({ ended }) => ended));
  // The test's own.
  expect(open()).toBe(1);
});
