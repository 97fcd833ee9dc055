import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { notFound } from "../lib/index.ts";
import { BuildContexts, wantedPaths } from "./build-contexts.ts";
import type { BuildRequest, ContextSource } from "./builder-contract.ts";
import type { Contexts, ContextWish } from "./contexts/index.ts";
import { loadDefinition } from "./definition.ts";
import { Lease } from "./solve/lease.ts";
import { graphOfText } from "./testing.ts";
import { WorkDirectory } from "./work-directory.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "berth-definition-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function files(given: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(given)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), text);
  }
}

/** Contexts that are all this test's directory. */
function fakeContexts(opened: { dockerfile?: string; live?: boolean } = {}) {
  const wishes: ContextWish[] = [];
  const contexts = {
    open: async (_source: ContextSource, wish: ContextWish) => {
      wishes.push(wish);
      return {
        path: directory,
        live: opened.live ?? false,
        dockerfile: opened.dockerfile,
        origin: undefined,
        [Symbol.asyncDispose]: async () => {},
      };
    },
  } as unknown as Contexts;
  return { contexts, wishes };
}

const SESSION: ContextSource = { kind: "session", sync: undefined as never };
const TAR: ContextSource = { kind: "tar", bytes: (async function* () {})() };

const request = (source: ContextSource | undefined, dockerfile: BuildRequest["dockerfile"]) =>
  ({
    contexts: new Map(source && [["", source]]),
    dockerfile,
    services: {},
    buildArgs: new Map(),
  }) as unknown as BuildRequest;

const workDirectory = (lease: Lease) =>
  new WorkDirectory({ directory, discard: async () => {} }, "work", lease);

async function load(
  source: ContextSource | undefined,
  dockerfile: BuildRequest["dockerfile"] = { fileName: "Dockerfile" },
  fakes = fakeContexts(),
) {
  await using lease = leaseOfTest();
  return await loadDefinition({
    request: request(source, dockerfile),
    contexts: fakes.contexts,
    lease: lease.lease,
    directory: workDirectory(lease.lease),
    report: () => {},
    signal: new AbortController().signal,
  });
}

function leaseOfTest() {
  const lease = new Lease();
  return { lease, [Symbol.asyncDispose]: () => lease.release() };
}

describe("loadDefinition()", () => {
  for (const [kind, source] of [
    ["a session", SESSION],
    ["a tar", TAR],
  ] as const) {
    test(`of ${kind}: the Dockerfile with its ignore file`, async () => {
      files({ Dockerfile: "FROM a", ".dockerignore": "x" });
      const found = await load(source);
      expect([found.fileName, found.text, found.ignore?.lines]).toEqual(["Dockerfile", "FROM a", ["x"]]);
    });

    test(`of ${kind}: an ignore file of the Dockerfile's own counts alone`, async () => {
      files({ "d/Other": "FROM b", "d/Other.dockerignore": "own", ".dockerignore": "common" });
      const found = await load(source, { fileName: "d/Other" });
      expect([found.text, found.ignore?.lines]).toEqual(["FROM b", ["own"]]);
    });

    test(`of ${kind}: in lower case too, if it has the default name`, async () => {
      files({ dockerfile: "FROM c" });
      expect((await load(source)).fileName).toBe("dockerfile");
      await expect(load(source, { fileName: "OTHER" })).rejects.toThrow(
        "failed to read dockerfile: open OTHER: no such file or directory",
      );
    });

    test(`of ${kind}: links lead nowhere out of the context`, async () => {
      symlinkSync("/etc/passwd", join(directory, "Dockerfile"));
      await expect(load(source)).rejects.toThrow("failed to read dockerfile");
      await expect(load(source, { fileName: "../../../../etc/passwd" })).rejects.toThrow("no such file");
    });
  }

  test("its text may come with the request", async () => {
    files({ Dockerfile: "FROM a", ".dockerignore": "x" });
    const given = { fileName: "Given", text: "FROM given" };
    expect((await load(TAR, given)).text).toBe("FROM given");
    expect((await load(SESSION, given)).ignore?.lines).toEqual(["x"]);
    expect((await load(undefined, given)).text).toBe("FROM given");
  });

  test("of an address that is a single file, that is it", async () => {
    files({ context: "FROM remote" });
    const fakes = fakeContexts({ dockerfile: "context" });
    const found = await load({ kind: "remote", url: "http://h/x" }, { fileName: "Dockerfile" }, fakes);
    expect([found.fileName, found.text]).toEqual(["context", "FROM remote"]);
  });

  test("a session is asked for no more than that", async () => {
    files({ Dockerfile: "FROM a" });
    const fakes = fakeContexts();
    await load(SESSION, { fileName: "Dockerfile" }, fakes);
    expect(fakes.wishes.map(({ name, include }) => [name, include]).toSorted()).toEqual([
      ["context", [".dockerignore"]],
      ["dockerfile", ["Dockerfile", "Dockerfile.dockerignore", "dockerfile", "dockerfile.dockerignore"]],
    ]);
  });
});

describe("BuildContexts", () => {
  const wanted = (text: string) => wantedPaths(graphOfText(text), "").toSorted();

  test("only what the steps take is asked for", () => {
    expect(wanted("FROM a\nCOPY x /y\nADD d/e f/g* /z/\nRUN --mount=target=/m,source=src make")).toEqual([
      "d/e",
      "f",
      "src",
      "x",
    ]);
    expect(wanted("FROM a\nCOPY x /y\nCOPY . /z")).toEqual([]);
    expect(wanted("FROM a\nCOPY x /y\nRUN --mount=target=/m make")).toEqual([]);
    expect(wanted("FROM a\nCOPY *.c /y")).toEqual([]);
    expect(wanted("FROM a\nCOPY --parents lib/./x/*.c src /y")).toEqual([]);
    expect(wanted("FROM a\nCOPY --parents lib/./x/*.c /y")).toEqual(["lib"]);
  });

  async function open(source: ContextSource, live: boolean, ignore: string) {
    files({ Dockerfile: "FROM a", ".dockerignore": ignore });
    const fakes = fakeContexts({ live });
    const definition = await load(source, { fileName: "Dockerfile" }, fakes);
    const asked: unknown[] = [];
    const contexts = new BuildContexts({
      request: request(source, { fileName: "Dockerfile" }),
      contexts: fakes.contexts,
      sourceTree: (_opened, includes) => {
        asked.push(includes);
        return undefined as never;
      },
      definition,
      lease: new Lease(),
      directory: workDirectory(new Lease()),
    });
    contexts.planned(graphOfText("FROM a\nCOPY x/y /z"));
    await contexts.open("", new AbortController().signal);
    await expect(contexts.open("other", new AbortController().signal)).rejects.toThrow(
      notFound("no build context named other"),
    );
    const includes = asked[0] as ((path: string, isDirectory: boolean) => boolean) | undefined;
    return { includes, wish: fakes.wishes.at(-1)! };
  }

  test("a session sends what is wanted and not ignored; what arrived is all", async () => {
    const { includes, wish } = await open(SESSION, false, "x\n!x/y\n");
    expect(wish).toMatchObject({ name: "context", exclude: ["x", "!x/y"], follow: ["x/y"] });
    expect(includes).toBeUndefined();
  });

  test("of a directory, and of a tar, what is ignored is not seen", async () => {
    for (const [source, live] of [
      [TAR, false],
      [{ kind: "directory", open: undefined as never }, true],
    ] as const) {
      const { includes } = await open(source, live, "x\n!x/y\nz\n");
      expect(["x", "x/y", "x/q", "z", "other"].map((path) => includes!(path, false))).toEqual([
        false,
        true,
        false,
        false,
        true,
      ]);
      // A folder above what an exception brings back is gone into.
      expect([includes!("x", true), includes!("z", true)]).toEqual([true, false]);
    }
  });
});
