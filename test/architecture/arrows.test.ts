import { expect, test } from "bun:test";
import { dirname, join, normalize, relative } from "node:path";

const SOURCE = join(import.meta.dir, "..", "..", "src");

/**
 * Which rooms a room may import at run time. Type-only imports of `wire` are free for all: Docker's words
 * for a container's configuration are the domain's own words.
 */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  main: ["cli", "daemon"],
  cli: ["compose", "sdk", "lib"],
  compose: ["sdk", "lib"],
  sdk: ["wire", "lib"],
  wire: ["lib"],
  daemon: ["api", "containers", "images", "build", "networks", "volumes", "runtime", "store", "linux", "lib"],
  api: ["wire", "lib"],
  containers: ["runtime", "store", "linux", "lib"],
  images: ["distribution", "runtime", "store", "linux", "lib"],
  distribution: ["store", "linux", "lib"],
  build: ["runtime", "store", "linux", "lib"],
  networks: ["runtime", "store", "linux", "lib"],
  volumes: ["runtime", "store", "linux", "lib"],
  runtime: ["linux", "lib"],
  store: ["linux", "lib"],
  linux: ["lib"],
  lib: [],
};

interface Import {
  readonly from: string;
  readonly to: string;
}

/** `src/containers/create.ts` is in the room `containers`; `src/main.ts` is the room `main`. */
function roomOf(path: string): string {
  return path.includes("/") ? path.slice(0, path.indexOf("/")) : path.replace(/\.ts$/, "");
}

/**
 * A room's `index.ts`; in `lib`, which is a shelf of unlike things, each folder has a door of its own, and so has the part of
 * `compose` that only reads files: whoever needs no more does not load the rest.
 */
function isDoor(path: string): boolean {
  return path === `${roomOf(path)}/index.ts` || /^(lib\/[^/]+|compose\/project)\/index\.ts$/.test(path);
}

function runtimeImports(path: string): Import[] {
  const transpiler = new Bun.Transpiler({ loader: "ts" });
  const text = require("node:fs").readFileSync(join(SOURCE, path), "utf8");
  return transpiler
    .scanImports(text)
    .map((found) => found.path)
    .filter((specifier) => specifier.startsWith("."))
    .map((specifier) => ({
      from: path,
      to: relative(SOURCE, normalize(join(SOURCE, dirname(path), specifier))),
    }));
}

const files = [...new Bun.Glob("**/*.ts").scanSync({ cwd: SOURCE })].sort();
const productFiles = files.filter((path) => !/\.(test|suite)\.ts$/.test(path));
const imports = productFiles.flatMap(runtimeImports);

test("arrows between rooms point one way", () => {
  const wrong = imports
    .filter(({ from, to }) => roomOf(from) !== roomOf(to))
    .filter(({ from, to }) => !(ALLOWED[roomOf(from)] ?? []).includes(roomOf(to)))
    .map(({ from, to }) => `${from} → ${to}`);
  expect(wrong).toEqual([]);
});

test("a room is entered through its door", () => {
  const wrong = imports
    .filter(({ from, to }) => roomOf(from) !== roomOf(to) && roomOf(from) !== "main")
    .filter(({ to }) => !isDoor(to) && !to.endsWith(".json"))
    .map(({ from, to }) => `${from} → ${to}`);
  expect(wrong).toEqual([]);
});

test("only linux/ calls foreign functions and only store/ opens databases", () => {
  const users = (module: string) =>
    productFiles.filter((path) => {
      const text = require("node:fs").readFileSync(join(SOURCE, path), "utf8");
      return new Bun.Transpiler({ loader: "ts" }).scanImports(text).some((found) => found.path === module);
    });
  expect(users("bun:ffi").filter((path) => roomOf(path) !== "linux")).toEqual([]);
  expect(users("bun:sqlite").filter((path) => roomOf(path) !== "store")).toEqual([]);
});

test("the client's imports never reach a room of the daemon", () => {
  const client = new Set(["main", "cli", "compose", "sdk", "wire", "lib"]);
  const wrong = imports
    .filter(({ from, to }) => client.has(roomOf(from)) && !client.has(roomOf(to)))
    .filter(({ from }) => roomOf(from) !== "main")
    .map(({ from, to }) => `${from} → ${to}`);
  expect(wrong).toEqual([]);
});
