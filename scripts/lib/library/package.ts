import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { join } from "node:path";
import { fail, ROOT } from "../shell.ts";
import { writeDeclarations } from "./declarations.ts";

/** The library as npm takes it: JavaScript for Node, Bun and Deno, its types, and what describes it. */
export const PACKAGE = join(ROOT, "dist", "package");
const SOURCES = ["src/{sdk,wire,lib}/**/*", "scripts/lib/library/*", "docs/library.md", "package.json"];
const ENTRY = join(ROOT, "src", "sdk", "library.ts");

/** Whoever uses the package meanwhile has the old one until the new one is whole. */
export async function buildPackage(): Promise<void> {
  mkdirSync(join(ROOT, "dist"), { recursive: true });
  const folder = mkdtempSync(join(ROOT, "dist", "package-"));
  try {
    await Promise.all([writeCode(folder), writeDeclarations(ENTRY, join(folder, "types"))]);
    await Bun.write(join(folder, "package.json"), `${JSON.stringify(manifest(), undefined, 2)}\n`);
    copyFileSync(join(ROOT, "LICENSE"), join(folder, "LICENSE"));
    await Bun.write(join(folder, "README.md"), readme());
    await Bun.write(join(folder, "THIRD-PARTY.md"), thirdParty());
    chmodSync(folder, 0o755);
    rmSync(PACKAGE, { recursive: true, force: true });
    renameSync(folder, PACKAGE);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Builds only if a source file is newer than the package. */
export async function buildPackageIfStale(): Promise<void> {
  const made = join(PACKAGE, "THIRD-PARTY.md");
  if (existsSync(made)) {
    const built = statSync(made).mtimeMs;
    const inputs = SOURCES.flatMap((pattern) => [...new Bun.Glob(pattern).scanSync({ cwd: ROOT })]);
    if (inputs.every((path) => statSync(join(ROOT, path)).mtimeMs <= built)) return;
  }
  await buildPackage();
}

/** Files of its own for what is loaded late. Everything that it needs is in it. */
async function writeCode(folder: string): Promise<void> {
  const built = await Bun.build({
    entrypoints: [ENTRY],
    outdir: folder,
    target: "node",
    format: "esm",
    splitting: true,
    naming: { entry: "index.js", chunk: "lib/[name]-[hash].js" },
    plugins: [FOR_OLDER_RUNTIMES],
  });
  if (!built.success) fail(built.logs.join("\n"));
  await restoreNames(folder);
}

/** The bundler numbers what the entry exports: a class would not have the name by which everybody knows it. */
async function restoreNames(folder: string): Promise<void> {
  const entry = readFileSync(join(folder, "index.js"), "utf8");
  const numbered = [...entry.matchAll(/\b((\w+?)\d+) as \2\b/g)].map(
    ([, from = "", to = ""]) => [from, to] as const,
  );
  for (const path of new Bun.Glob("**/*.js").scanSync({ cwd: folder })) {
    let text = readFileSync(join(folder, path), "utf8");
    for (const [from, to] of numbered) {
      const isUsed = new RegExp(`\\b${from}\\b`).test(text);
      if (isUsed && new RegExp(`\\b(?:class|const|let|var|function) ${to}\\b`).test(text))
        fail(`${path} has both ${from} and ${to}`);
      text = text.replaceAll(new RegExp(`\\b${from}\\b`, "g"), to);
    }
    await Bun.write(join(folder, path), text);
  }
}

const OLDER_RUNTIMES = join(import.meta.dir, "older-runtimes.ts");

const FOR_OLDER_RUNTIMES: Bun.BunPlugin = {
  name: "for older runtimes",
  setup(build) {
    build.onLoad({ filter: /\/src\/(sdk|lib)\/.*\.ts$/ }, ({ path }) => {
      const source = readFileSync(path, "utf8");
      const contents = source
        .replaceAll("Promise.withResolvers", "withResolvers")
        .replaceAll(/\b(\w+)\.isWellFormed\(\)/g, "isWellFormed($1)");
      const names = ["withResolvers", "isWellFormed"].filter((name) =>
        new RegExp(`(?<!\\.)\\b${name}[<(]`).test(contents),
      );
      const imported =
        names.length === 0 ? "" : `import { ${names.join(", ")} } from ${JSON.stringify(OLDER_RUNTIMES)};\n`;
      return { contents: imported + contents, loader: "ts" };
    });
  },
};

function manifest(): object {
  const { name, version, license } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  return {
    name,
    version,
    description:
      "Containers from JavaScript: a typed client of berth, Docker and Podman for Node, Bun and Deno",
    keywords: ["docker", "podman", "container", "client", "docker-api"],
    license,
    type: "module",
    main: "./index.js",
    types: "./types/sdk/library.d.ts",
    exports: { ".": { types: "./types/sdk/library.d.ts", default: "./index.js" } },
    engines: { node: ">=18" },
    sideEffects: false,
  };
}

/** The page on the library, without links to what is not in the package. */
function readme(): string {
  const page = readFileSync(join(ROOT, "docs", "library.md"), "utf8");
  return page.replaceAll(/\[([^\]]+)\]\((?!https?:)[^)]*\)/g, "$1");
}

/** Packages whose code is in the bundle, with their licences. */
function thirdParty(): string {
  const folder = join(ROOT, "node_modules", "@bufbuild", "protobuf");
  const { version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const file = readdirSync(folder).find((name) => /^licen[cs]e/i.test(name));
  const text = file === undefined ? "" : `\n${readFileSync(join(folder, file), "utf8")}`;
  return `This package contains code of @bufbuild/protobuf ${version} (${license}).\n${text}`;
}
