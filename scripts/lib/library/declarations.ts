import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, normalize, relative } from "node:path";
import { mustRun, ROOT } from "../shell.ts";
import { wireTypes } from "./wire-types.ts";

/**
 * Writes the types of a library's entry: the compiler's own declarations of the files that it reaches and of no others. What
 * the API's schemas describe is written out, so that nobody needs the package by which they are made.
 */
export async function writeDeclarations(entry: string, target: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "berth-types-"));
  try {
    const declarations = new Declarations(join(folder, "out"));
    await compile(entry, folder);
    const first = relative(join(ROOT, "src"), entry).replace(/\.ts$/, "");
    mkdirSync(target, { recursive: true });
    for (const [path, text] of declarations.reachableFrom(first))
      await Bun.write(join(target, `${path}.d.ts`), text);
    await Bun.write(join(target, "wire", "index.d.ts"), wireTypes());
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function compile(entry: string, folder: string): Promise<void> {
  const config = {
    extends: join(ROOT, "tsconfig.json"),
    compilerOptions: {
      noEmit: false,
      declaration: true,
      emitDeclarationOnly: true,
      outDir: join(folder, "out"),
      rootDir: join(ROOT, "src"),
      typeRoots: [join(ROOT, "node_modules", "@types")],
    },
    include: [],
    files: [entry],
  };
  await Bun.write(join(folder, "tsconfig.json"), JSON.stringify(config));
  await mustRun([join(ROOT, "node_modules", ".bin", "tsc"), "-p", join(folder, "tsconfig.json")]);
}

const FROM = /((?:import|export) (?:type )?)(\{[^}]*\}|\* as \w+|\*)( from )"(\.[^"]+)"/g;
const WIRE = "wire/index";

class Declarations {
  readonly #folder: string;
  readonly #done = new Map<string, string>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Each file's path without its ending, and its text. */
  reachableFrom(path: string): ReadonlyMap<string, string> {
    if (path === WIRE || this.#done.has(path)) return this.#done;
    this.#done.set(path, "");
    const text = this.#text(path).replaceAll(
      FROM,
      (_, kind: string, names: string, from: string, target: string) => {
        const leads = resolve(path, target);
        const statements = names.startsWith("{") ? this.#narrowed(leads, names) : [[leads, names] as const];
        return statements
          .map(([file, some]) => {
            this.reachableFrom(file);
            return `${kind}${some}${from}"${specifier(path, file)}"`;
          })
          .join(";\n");
      },
    );
    this.#done.set(path, text);
    return this.#done;
  }

  /** Names of a room's door come from the files behind it, so that the rest of the room is not needed. */
  #narrowed(door: string, list: string): (readonly [string, string])[] {
    if (!door.endsWith("/index") || door === WIRE) return [[door, list]];
    const byFile = new Map<string, string[]>();
    for (const item of list
      .slice(1, -1)
      .split(",")
      .map((each) => each.trim())
      .filter(Boolean)) {
      const name = item.replace(/^type /, "").split(" as ")[0]!;
      const file = this.#declaring(door, name) ?? door;
      byFile.set(file, [...(byFile.get(file) ?? []), item]);
    }
    return [...byFile].map(([file, items]) => [file, `{ ${items.join(", ")} }`] as const);
  }

  #declaring(path: string, name: string): string | undefined {
    const text = this.#text(path);
    if (new RegExp(`^export declare (?:abstract )?(?:class|const|function|let) ${name}\\b`, "m").test(text))
      return path;
    if (new RegExp(`^export (?:declare )?(?:interface|type) ${name}\\b`, "m").test(text)) return path;
    for (const [, kind = "", names = "", , target = ""] of text.matchAll(FROM)) {
      if (!kind.startsWith("export")) continue;
      if (names.startsWith("{") && !new RegExp(`\\b${name}\\b`).test(names)) continue;
      const found = this.#declaring(resolve(path, target), name);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #text(path: string): string {
    return readFileSync(join(this.#folder, `${path}.d.ts`), "utf8");
  }
}

function resolve(from: string, specifier: string): string {
  return normalize(join(dirname(from), specifier)).replace(/\.ts$/, "");
}

function specifier(from: string, to: string): string {
  const path = relative(dirname(from), to);
  return `${path.startsWith(".") ? path : `./${path}`}.js`;
}
