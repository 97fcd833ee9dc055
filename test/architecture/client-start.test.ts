// The client's start is short because it loads little. Node's modules that cost milliseconds (measured: node:crypto 3,
// node:zlib 3, node:net 2, node:http 4, node:tty 3, node:fs 1) are loaded when they are needed, not before.
import { expect, test } from "bun:test";
import { join } from "node:path";

const ROOT = join(import.meta.dir, "../..");
/** What is free, or nearly so. */
const CHEAP = ["path", "os", "events", "buffer", "fs/promises"];
const STARTS = [
  "cli/main",
  ...["run", "exec", "ps", "rm", "logs", "version", "start", "stop", "inspect"].map(
    (name) => `cli/commands/${name}`,
  ),
];
/** Of Compose, all of it and the part that reads files: at once, which only node:fs can. */
const READERS = ["compose/operations/up", "compose/project/load/load-project"];

test("the commands that people and scripts call most load nothing that is slow to load", async () => {
  const built = await Bun.build({
    entrypoints: [join(ROOT, "src/main.ts")],
    splitting: true,
    format: "esm",
    target: "bun",
  });
  const chunks = new Map<string, string>();
  for (const output of built.outputs) chunks.set(output.path, await output.text());
  const slow: string[] = [];
  for (const name of [...STARTS, ...READERS]) {
    const start = [...chunks].find(([, text]) => text.includes(`// src/${name}.ts\n`))?.[0];
    expect(start, name).toBeDefined();
    for (const module of staticImports(chunks, start!)) {
      if (module === "fs" && READERS.includes(name)) continue;
      slow.push(`src/${name}.ts loads ${module}`);
    }
  }
  expect(slow).toEqual([]);
}, 60_000);

/** Node's modules that a chunk and all that it loads before it runs import, but for the cheap ones. */
function staticImports(chunks: ReadonlyMap<string, string>, start: string): string[] {
  const seen = new Set<string>();
  const found = new Set<string>();
  const visit = (path: string) => {
    if (seen.has(path)) return;
    seen.add(path);
    for (const [, from = ""] of (chunks.get(path) ?? "").matchAll(IMPORT)) {
      if (from.startsWith("./")) visit(`./${from.slice(2)}`);
      else if (!CHEAP.includes(from.replace(/^node:/, ""))) found.add(from);
    }
  };
  visit(start);
  return [...found];
}

const IMPORT = /^import\s*(?:[^;"']*?from\s*)?"([^"]+)";/gm;
