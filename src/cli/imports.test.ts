import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";

const SOURCE = join(import.meta.dir, "..");
const ROOMS_OF_THE_ENGINE = [
  "daemon",
  "api",
  "containers",
  "images",
  "distribution",
  "build",
  "networks",
  "volumes",
  "runtime",
  "store",
  "linux",
];

/** Every file that the client can come to load, with one way to it. */
function reachable(start: string): Map<string, readonly string[]> {
  const transpiler = new Bun.Transpiler({ loader: "ts" });
  const found = new Map<string, readonly string[]>([[start, [start]]]);
  for (const [path, way] of found) {
    for (const { path: specifier } of transpiler.scanImports(readFileSync(join(SOURCE, path), "utf8"))) {
      if (!specifier.startsWith(".")) continue;
      const target = relative(SOURCE, normalize(join(SOURCE, dirname(path), specifier)));
      if (!found.has(target)) found.set(target, [...way, target]);
    }
  }
  return found;
}

test("nothing that the client loads, now or later, is in a room of the engine", () => {
  const wrong = [...reachable("cli/main.ts").values()].filter((way) =>
    ROOMS_OF_THE_ENGINE.includes(way.at(-1)!.split("/")[0]!),
  );
  expect(wrong.map((way) => way.join(" → "))).toEqual([]);
});
