// What the build cache hits and what it misses. Each row builds twice, with one change in between, and tells what became of each step.
import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { openRoot } from "../../src/linux/index.ts";
import { buildFolders } from "../support/build-folder.ts";
import { berthBuild, fatesOf } from "../support/build-steps.ts";
import { IMAGE, runCommand, startEngine } from "../support/engine.ts";
import { useEngine } from "../support/suite.ts";

const suite = useEngine();
const folderOf = buildFolders();

interface Row {
  readonly what: string;
  /** After `FROM` the image; `@` stands for a word that only this row has. */
  readonly dockerfile: string;
  /** Beside the Dockerfile. Without any: `data/one`, `data/deep/two`, `other`. */
  readonly files?: Readonly<Record<string, string>>;
  readonly before?: readonly string[];
  readonly change?: (folder: string, word: string) => void | Promise<void>;
  /** The Dockerfile of the second build. */
  readonly second?: string;
  /** The flags of the second build, unless they are those of the first. */
  readonly after?: readonly string[];
  readonly steps: string;
}

const copyAndRun = "COPY data /data\nRUN : @\n";
const at = (folder: string, path: string) => join(folder, path);
const write = (path: string, text: string) => (folder: string) => writeFileSync(at(folder, path), text);
const long = new Date(1_000_000_000_000);

const rows: readonly Row[] = [
  // What is copied: contents, names, modes, links; not times, not the owners of a context.
  {
    what: "nothing",
    dockerfile: `WORKDIR /@\n${copyAndRun}`,
    steps: "WORKDIR:hit COPY:hit RUN:hit",
  },
  {
    what: "a file's time",
    dockerfile: copyAndRun,
    change: (folder) => utimesSync(at(folder, "data/one"), long, long),
    steps: "COPY:hit RUN:hit",
  },
  {
    what: "a file's content",
    dockerfile: copyAndRun,
    change: write("data/one", "changed @"),
    steps: "COPY:miss RUN:miss",
  },
  {
    what: "a file's content, with its size and time as they were",
    dockerfile: copyAndRun,
    change(folder) {
      const path = at(folder, "data/deep/two");
      const { size, atime, mtime } = statSync(path);
      writeFileSync(path, "x".repeat(size));
      utimesSync(path, atime, mtime);
    },
    steps: "COPY:miss RUN:miss",
  },
  {
    what: "a file for another of the same size and time",
    dockerfile: copyAndRun,
    change(folder) {
      const { size, atime, mtime } = statSync(at(folder, "data/one"));
      writeFileSync(at(folder, "new"), "y".repeat(size));
      utimesSync(at(folder, "new"), atime, mtime);
      renameSync(at(folder, "new"), at(folder, "data/one"));
    },
    steps: "COPY:miss RUN:miss",
  },
  {
    what: "a file's mode",
    dockerfile: copyAndRun,
    change: (folder) => chmodSync(at(folder, "data/one"), 0o755),
    steps: "COPY:miss RUN:miss",
  },
  {
    what: "a folder's mode",
    dockerfile: copyAndRun,
    change: (folder) => chmodSync(at(folder, "data/deep"), 0o700),
    steps: "COPY:miss RUN:miss",
  },
  {
    what: "a file's owner on this machine",
    dockerfile: copyAndRun,
    change: (folder) => chownSync(at(folder, "data/one"), 1234, 1234),
    steps: "COPY:hit RUN:hit",
  },
  {
    what: "a file's name",
    dockerfile: copyAndRun,
    change: (folder) => renameSync(at(folder, "data/one"), at(folder, "data/uno")),
    steps: "COPY:miss RUN:miss",
  },
  {
    what: "one more file",
    dockerfile: copyAndRun,
    change: write("data/more", ""),
    steps: "COPY:miss RUN:miss",
  },
  {
    what: "one file less",
    dockerfile: copyAndRun,
    change: (folder) => rmSync(at(folder, "data/one")),
    steps: "COPY:miss RUN:miss",
  },
  {
    what: "an empty folder",
    dockerfile: copyAndRun,
    change: (folder) => mkdirSync(at(folder, "data/empty")),
    steps: "COPY:miss RUN:miss",
  },
  {
    what: "a link's target",
    dockerfile: copyAndRun,
    change: (folder) => {
      rmSync(at(folder, "data/link"));
      symlinkSync("deep", at(folder, "data/link"));
    },
    steps: "COPY:miss RUN:miss",
  },
  {
    what: "a link in place of the same file",
    dockerfile: copyAndRun,
    change: (folder) => {
      renameSync(at(folder, "data/one"), at(folder, "data/uno"));
      symlinkSync("uno", at(folder, "data/one"));
    },
    steps: "COPY:miss RUN:miss",
  },
  {
    what: "two files for one with two names",
    dockerfile: copyAndRun,
    change: (folder) => {
      rmSync(at(folder, "data/same"));
      linkSync(at(folder, "data/one"), at(folder, "data/same"));
    },
    steps: "COPY:hit RUN:hit",
  },
  {
    what: "an extended attribute",
    dockerfile: copyAndRun,
    change(folder) {
      using root = openRoot(folder);
      root.setXattr("data/one", "user.note", Buffer.from("n"));
    },
    steps: "COPY:miss RUN:miss",
  },
  {
    what: "a file beside those that are copied",
    dockerfile: copyAndRun,
    change: write("other", "changed"),
    steps: "COPY:hit RUN:hit",
  },
  {
    what: "a file that is ignored",
    dockerfile: copyAndRun,
    files: { "data/one": "@", "data/log": "1", ".dockerignore": "**/log\n" },
    change: write("data/log", "2"),
    steps: "COPY:hit RUN:hit",
  },
  {
    what: "the ignore file, so that other files are left out",
    dockerfile: copyAndRun,
    files: { "data/one": "@", "data/log": "1", ".dockerignore": "none\n" },
    change: write(".dockerignore", "**/log\n"),
    steps: "COPY:miss RUN:miss",
  },
  {
    what: "the ignore file, in vain",
    dockerfile: copyAndRun,
    files: { "data/one": "@", ".dockerignore": "none\n" },
    change: write(".dockerignore", "none\n# nothing else\nneither\n"),
    steps: "COPY:hit RUN:hit",
  },
  {
    what: "a file that a wildcard does not meet",
    dockerfile: "COPY *.txt /texts/\nRUN : @\n",
    files: { "a.txt": "@", "b.md": "1" },
    change: write("c.md", "new"),
    steps: "COPY:hit RUN:hit",
  },
  {
    what: "a file that a wildcard meets",
    dockerfile: "COPY *.txt /texts/\nRUN : @\n",
    files: { "a.txt": "@", "b.md": "1" },
    change: write("c.txt", "new"),
    steps: "COPY:miss RUN:miss",
  },
  {
    what: "a file that --exclude leaves out",
    dockerfile: "COPY --exclude=deep data /data\nRUN : @\n",
    change: write("data/deep/two", "changed"),
    steps: "COPY:hit RUN:hit",
  },
  // The copy itself.
  { what: "where to", dockerfile: "COPY data /data\n", second: "COPY data /elsewhere\n", steps: "COPY:miss" },
  { what: "--chown", dockerfile: copyAndRun, second: `COPY --chown=5 data /data\n`, steps: "COPY:miss" },
  { what: "--chmod", dockerfile: copyAndRun, second: `COPY --chmod=500 data /data\n`, steps: "COPY:miss" },
  {
    what: "here-documents: nothing",
    dockerfile: "COPY <<EOF /x\n@\nEOF\nRUN <<EOF\n: @\nEOF\n",
    steps: "COPY:hit RUN:hit",
  },
  {
    what: "here-documents: their text",
    dockerfile: "COPY <<EOF /x\n@\nEOF\nRUN : @\n",
    second: "COPY <<EOF /x\n@ and more\nEOF\nRUN : @\n",
    steps: "COPY:miss RUN:miss",
  },
  {
    what: "an archive that ADD unpacks",
    dockerfile: "ADD archive.tar /\nRUN : @\n",
    files: { "tree/one": "@" },
    before: [],
    change: async (folder) => archive(folder, "two"),
    steps: "ADD:miss RUN:miss",
  },
  // The Dockerfile's other instructions.
  {
    what: "comments and spaces",
    dockerfile: copyAndRun,
    second: "# new\n\nCOPY   data   /data\n\n\nRUN : @\n# end\n",
    steps: "COPY:hit RUN:hit",
  },
  {
    what: "an argument of the command",
    dockerfile: "ARG A=1\nCOPY data /data\nRUN : $A @\n",
    after: ["--build-arg", "A=2"],
    steps: "COPY:hit RUN:miss",
  },
  {
    what: "an argument that the command may read in its environment",
    dockerfile: "ARG A=1\nRUN : @\n",
    after: ["--build-arg", "A=2"],
    steps: "RUN:miss",
  },
  {
    what: "an argument that is declared later",
    dockerfile: `${copyAndRun}ARG A=1\n`,
    after: ["--build-arg", "A=2"],
    steps: "COPY:hit RUN:hit",
  },
  {
    what: "an argument of another stage",
    dockerfile: `${copyAndRun}FROM ${IMAGE} AS zother\nARG A=1\nCOPY --from=0 /data /from\nRUN : $A @\n`,
    after: ["--build-arg", "A=2"],
    steps: "COPY:hit RUN:hit COPY:hit RUN:miss",
  },
  {
    what: "an argument that nobody declares",
    dockerfile: copyAndRun,
    after: ["--build-arg", "UNKNOWN=1"],
    steps: "COPY:hit RUN:hit",
  },
  {
    what: "a proxy",
    dockerfile: copyAndRun,
    after: ["--build-arg", "HTTP_PROXY=http://127.0.0.1:9", "--build-arg", "no_proxy=localhost"],
    steps: "COPY:hit RUN:hit",
  },
  {
    what: "a variable before",
    dockerfile: "ENV A=1\nCOPY data /data\nRUN : @\n",
    second: "ENV A=2\nCOPY data /data\nRUN : @\n",
    steps: "COPY:hit RUN:miss",
  },
  {
    what: "a variable after",
    dockerfile: `${copyAndRun}ENV A=1\n`,
    second: `${copyAndRun}ENV A=2\n`,
    steps: "COPY:hit RUN:hit",
  },
  {
    what: "labels, commands, volumes, ports, health checks",
    dockerfile: "LABEL a=1\nRUN : @\nCMD a\n",
    second:
      "LABEL a=2\nEXPOSE 1\nVOLUME /v\nHEALTHCHECK CMD true\nONBUILD RUN x\nSTOPSIGNAL 9\nRUN : @\nCMD b\nENTRYPOINT x\n",
    after: ["--label", "given=1"],
    steps: "RUN:hit",
  },
  { what: "who runs it", dockerfile: "RUN : @\n", second: "USER 33\nRUN : @\n", steps: "RUN:miss" },
  {
    what: "where it runs",
    dockerfile: "WORKDIR /@\nRUN : @\n",
    second: "WORKDIR /@/tmp\nRUN : @\n",
    steps: "WORKDIR:miss RUN:miss",
  },
  {
    what: "what runs it",
    dockerfile: "RUN : @\n",
    second: 'SHELL ["/bin/sh", "-ec"]\nRUN : @\n',
    steps: "RUN:miss",
  },
  {
    what: "its network",
    dockerfile: "RUN : @\n",
    second: "RUN --network=none : @\n",
    steps: "RUN:miss",
  },
  {
    what: "its hosts",
    dockerfile: "RUN : @\n",
    after: ["--add-host", "somebody:10.0.0.1"],
    steps: "RUN:miss",
  },
  // What is mounted.
  {
    what: "a file that is mounted",
    dockerfile: "RUN --mount=type=bind,source=data,target=/m : @\n",
    change: write("data/one", "changed"),
    steps: "RUN:miss",
  },
  {
    what: "a file beside what is mounted",
    dockerfile: "RUN --mount=type=bind,source=data,target=/m : @\n",
    change: write("other", "changed"),
    steps: "RUN:hit",
  },
  {
    what: "the place of a mount",
    dockerfile: "RUN --mount=type=bind,source=data,target=/m : @\n",
    second: "RUN --mount=type=bind,source=data,target=/n : @\n",
    steps: "RUN:miss",
  },
  {
    what: "the contents of a cache",
    dockerfile: "RUN --mount=type=cache,id=@,target=/c echo 1 >> /c/log\n",
    async change(_, word) {
      const text = `FROM ${IMAGE}\nRUN --mount=type=cache,id=${word},target=/c echo other >> /c/log\n`;
      await berthBuild(suite.engine(), ["-"], { stdin: text });
    },
    steps: "RUN:hit",
  },
  {
    what: "a secret's value",
    dockerfile: "RUN --mount=type=secret,id=s,env=S --mount=type=secret,id=s : @\n",
    files: { secret: "1" },
    before: ["--secret", "id=s,src=secret"],
    change: write("secret", "another"),
    steps: "RUN:hit",
  },
  {
    what: "the size of a file system in memory",
    dockerfile: "RUN --mount=type=tmpfs,target=/t,size=1m : @\n",
    second: "RUN --mount=type=tmpfs,target=/t,size=2m : @\n",
    steps: "RUN:miss",
  },
  // Bases and stages.
  {
    what: "another base",
    dockerfile: copyAndRun,
    change: (folder, word) => baseBuilt(folder, word, "RUN echo new > /new"),
    before: ["--build-arg", "BASE=base-@"],
    steps: "COPY:miss RUN:miss",
  },
  {
    what: "another base, below COPY --link",
    dockerfile: "COPY --link data /data\nRUN : @\n",
    change: (folder, word) => baseBuilt(folder, word, "RUN echo new > /new"),
    before: ["--build-arg", "BASE=base-@"],
    steps: "COPY:hit LINK:miss RUN:miss",
  },
  {
    what: "another base with the same files",
    dockerfile: copyAndRun,
    change: (folder, word) => baseBuilt(folder, word, "LABEL other=1"),
    before: ["--build-arg", "BASE=base-@"],
    steps: "COPY:hit RUN:hit",
  },
  {
    what: "another base with the same files and other variables",
    dockerfile: copyAndRun,
    change: (folder, word) => baseBuilt(folder, word, "ENV OTHER=1"),
    before: ["--build-arg", "BASE=base-@"],
    steps: "COPY:hit RUN:miss",
  },
  {
    what: "another stage with the same files",
    dockerfile: `RUN echo @ > /x\nFROM ${IMAGE} AS zlast\nCOPY --from=0 /x /y\n`,
    second: `RUN echo; echo @ > /x\nFROM ${IMAGE} AS zlast\nCOPY --from=0 /x /y\n`,
    steps: "RUN:miss COPY:hit",
  },
  {
    what: "--target",
    dockerfile: `${copyAndRun}FROM ${IMAGE} AS zlast\nRUN : last @\n`,
    before: ["--target", "first"],
    after: ["--target", "zlast"],
    steps: "RUN:miss",
  },
  {
    what: "--no-cache",
    dockerfile: copyAndRun,
    after: ["--no-cache"],
    steps: "COPY:miss RUN:miss",
  },
  {
    what: "--no-cache-filter of a stage",
    dockerfile: `RUN echo @ > /x\nFROM ${IMAGE} AS zlast\nCOPY --from=0 /x /y\nRUN : @\n`,
    after: ["--no-cache-filter", "zlast"],
    steps: "RUN:hit COPY:miss RUN:miss",
  },
];

async function archive(folder: string, content: string): Promise<void> {
  mkdirSync(at(folder, "tree"), { recursive: true });
  writeFileSync(at(folder, "tree/one"), content);
  expect(
    await runCommand(["tar", "-cf", at(folder, "archive.tar"), "-C", at(folder, "tree"), "."]),
  ).toMatchObject({
    code: 0,
  });
}

/** Makes the image `base-<word>` anew, with an instruction more. */
async function baseBuilt(_folder: string, word: string, instruction: string): Promise<void> {
  await berthBuild(suite.engine(), ["-t", `base-${word}`, "-"], { stdin: `FROM ${IMAGE}\n${instruction}\n` });
}

const DEFAULT_FILES = { "data/one": "one @", "data/deep/two": "two @", other: "@" };

describe("a second build after a change of", () => {
  for (const [number, row] of rows.entries()) {
    test(`${row.what}: ${row.steps}`, async () => {
      const word = `row${number}`;
      const filled = (text: string) => text.replaceAll("@", word);
      const { files = DEFAULT_FILES, before = [], change, after = before } = row;
      const head = `ARG BASE=${IMAGE}\nFROM $BASE AS first\n`;
      const folder = folderOf(
        Object.fromEntries(Object.entries(files).map(([name, text]) => [name, filled(text)])),
      );
      if (files === DEFAULT_FILES) {
        symlinkSync("one", at(folder, "data/link"));
        writeFileSync(at(folder, "data/same"), `one ${word}`);
      }
      if (row.dockerfile.startsWith("ADD archive")) await archive(folder, word);
      if (before.includes("BASE=base-@")) await baseBuilt(folder, word, "LABEL first=1");
      const build = async (dockerfile: string, flags: readonly string[]) => {
        writeFileSync(at(folder, "Dockerfile"), head + filled(dockerfile));
        const args = [...flags.map(filled), "-t", `cache-${word}`, "."];
        return fatesOf((await berthBuild(suite.engine(), args, { cwd: folder })).stderr);
      };
      const first = await build(row.dockerfile, before);
      // Else a hit proves nothing. What COPY takes may be what another row's took.
      expect(first).toContain("miss");
      await change?.(folder, word);
      expect(await build(row.second ?? row.dockerfile, after)).toBe(row.steps);
    });
  }
});

describe("the cache of builds", () => {
  const engine = () => suite.engine();
  const build = async (args: readonly string[], options = {}) =>
    fatesOf((await berthBuild(engine(), args, options)).stderr);
  const project = (word: string) =>
    folderOf({ Dockerfile: `FROM ${IMAGE}\nCOPY data /data\nRUN : ${word}\n`, data: word });

  test("is one, whichever client asks", async () => {
    const folder = project("clients");
    expect(await build([folder])).toBe("COPY:miss RUN:miss");
    const classic = await engine().docker(["build", folder], { env: { DOCKER_BUILDKIT: "0" } });
    expect(classic).toMatchObject({ code: 0 });
    expect(classic.stdout.match(/Using cache/g)).toHaveLength(2);
    if (!(await Bun.file("/usr/bin/docker").exists())) return;
    const env = { DOCKER_HOST: engine().host, DOCKER_BUILDKIT: "1", BUILDKIT_PROGRESS: "plain" };
    const kit = await runCommand(["/usr/bin/docker", "build", folder], { env });
    expect(fatesOf(kit.stderr)).toBe("COPY:hit RUN:hit");
  });

  test("does equal work of builds at the same time once", async () => {
    const text = (end: string) =>
      `FROM ${IMAGE}\nRUN --mount=type=cache,id=once,target=/c sleep 0.5; echo 1 >> /c/log; cp /c/log /log\n${end}`;
    const ends = ["LABEL a=1\n", "LABEL a=2\n", "RUN : more\n", "ENV a=4\n"];
    await Promise.all(ends.map((end, index) => build(["-t", `once-${index}`, "-"], { stdin: text(end) })));
    for (const index of ends.keys())
      expect(await suite.docker("run", "--rm", `once-${index}`, "cat", "/log")).toBe("1");
  });

  test("outlives the daemon, however it ends, and the images", async () => {
    const folder = project("restart");
    expect(await build(["-t", "outlived", folder])).toBe("COPY:miss RUN:miss");
    await suite.docker("rmi", "outlived");
    expect(await build([folder])).toBe("COPY:hit RUN:hit");
    await engine().stop();
    await engine().start();
    expect(await build([folder])).toBe("COPY:hit RUN:hit");
    await engine().kill();
    await engine().start();
    expect(await build([folder])).toBe("COPY:hit RUN:hit");
  });

  test("is gone after prune, and not when its records are in use as an image", async () => {
    const folder = project("prune");
    await build(["-t", "kept", folder]);
    expect(await engine().berth(["builder", "prune", "-a", "-f"])).toMatchObject({ code: 0 });
    expect(await build([folder])).toBe("COPY:miss RUN:miss");
    await suite.docker("run", "--rm", "kept", "cat", "/data");
  });

  test("takes nothing of images that came from elsewhere, unless it is told to (CVE-2024-24557)", async () => {
    const folder = project("elsewhere");
    await build(["-t", "cached:1", "--cache-to", "type=inline", folder]);
    await build(["-t", "plain:1", folder]);
    const saved = at(folder, "images.tar");
    await suite.docker("save", "-o", saved, "cached:1", "plain:1", IMAGE);
    await using other = await startEngine({ withoutImage: true });
    expect(await other.berth(["load", "-i", saved])).toMatchObject({ code: 0 });
    const there = async (...args: string[]) => fatesOf((await berthBuild(other, [...args, folder])).stderr);
    // An image without a cache in it is none; it is no reason to fail either.
    expect(await there("--cache-from", "plain:1")).toBe("COPY:miss RUN:miss");
    expect(await other.berth(["builder", "prune", "-a", "-f"])).toMatchObject({ code: 0 });
    expect(await there()).toBe("COPY:miss RUN:miss");
    expect(await other.berth(["builder", "prune", "-a", "-f"])).toMatchObject({ code: 0 });
    expect(await there("--cache-from", "nosuch:1", "--cache-from", "cached:1", "-t", "again:1")).toBe(
      "COPY:hit RUN:hit",
    );
    // What was taken is as old as it is.
    const created = async (name: string) =>
      (await other.berth(["image", "inspect", "--format", "{{.Created}}", name])).stdout;
    expect(await created("again:1")).toBe(await created("cached:1"));
    expect(await other.berth(["builder", "prune", "-a", "-f"])).toMatchObject({ code: 0 });
    writeFileSync(at(folder, "data"), "changed");
    expect(await there("--cache-from", "cached:1")).toBe("COPY:miss RUN:miss");
  });

  test("asks for what is elsewhere in each build, and sees what has changed there", async () => {
    let body = "one";
    const etags = new Map<string | null, number>();
    using server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch(request) {
        const known = request.headers.get("if-none-match");
        etags.set(known, (etags.get(known) ?? 0) + 1);
        const headers = { ETag: `"${body}"`, "Last-Modified": new Date(Date.now() - 5000).toUTCString() };
        return known === `"${body}"`
          ? new Response(null, { status: 304, headers })
          : new Response(body, { headers });
      },
    });
    const folder = folderOf({
      Dockerfile: `FROM ${IMAGE}\nADD http://127.0.0.1:${server.port}/f /f\nCOPY --from=moved:1 /what /what\nRUN cat /f /what\n`,
    });
    const moved = (what: string) =>
      build(["-t", "moved:1", "-"], {
        stdin: `FROM ${IMAGE}\nRUN echo ${what} > /what; echo ${what} > /${what}\n`,
      });
    await moved("first");
    expect(await build([folder])).toBe("ADD:miss COPY:miss RUN:miss");
    expect(await build([folder])).toBe("ADD:hit COPY:hit RUN:hit");
    body = "two";
    expect(await build([folder])).toBe("ADD:miss COPY:miss RUN:miss");
    await moved("second");
    expect(await build([folder])).toBe("ADD:hit COPY:miss RUN:miss");
    // What does not come from the server again is known by what the server calls it.
    expect([...etags.keys()]).toEqual([null, '"one"', '"two"']);
  });

  test("knows files of a folder that changes as fast as it is built", async () => {
    const folder = project("fast");
    for (let round = 10; round < 30; round++) {
      // Always of one size, and often of one tick of the clock.
      writeFileSync(at(folder, "data"), `round ${round}`);
      await engine().berth(["build", "-q", "-t", "fast", folder]);
      writeFileSync(at(folder, "data"), `ROUND ${round}`);
      const args = ["-t", "fast", "-o", `type=local,dest=${at(folder, "out")}`, "-f", "-", folder];
      await build(args, { stdin: "FROM scratch\nCOPY data /data\n" });
      expect(await Bun.file(at(folder, "out/data")).text()).toBe(`ROUND ${round}`);
    }
  });

  test("does not hide what instructions without files say", async () => {
    const words = [
      "HEALTHCHECK CMD a",
      "HEALTHCHECK CMD b",
      "ONBUILD RUN a",
      "CMD a",
      'CMD ["a"]',
      "USER 1",
      "STOPSIGNAL 3",
    ];
    const ids = new Set<string>();
    for (const word of words) {
      const { stdout } = await engine().berth(["build", "-q", "-"], {
        stdin: `FROM ${IMAGE}\nRUN : same\n${word}\n`,
      });
      ids.add(stdout.trim());
    }
    expect(ids.size).toBe(words.length);
  });
});
