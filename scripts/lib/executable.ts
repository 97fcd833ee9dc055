import { existsSync, mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { BUN, EXECUTABLE, mustRun, ROOT } from "./shell.ts";

/** Compiles `dist/berth`: client and daemon in one file, with Bun's runtime inside. */
export async function buildExecutable(): Promise<void> {
  mkdirSync(join(ROOT, "dist"), { recursive: true });
  const workers = [...new Bun.Glob("src/**/*.worker.ts").scanSync({ cwd: ROOT })].sort();
  await mustRun([
    BUN,
    "build",
    "--compile",
    "--minify",
    "--bytecode",
    "--format=esm",
    // A command ends before compiled code has paid for itself; src/main.ts ends this for what lives longer.
    "--compile-jit-policy=100",
    // The folder somebody happens to be in must not decide what the client loads, nor which engine it talks to.
    "--no-compile-autoload-dotenv",
    "--no-compile-autoload-bunfig",
    "--splitting",
    "src/main.ts",
    ...workers,
    "--outfile",
    EXECUTABLE,
  ]);
}

/** Compiles only if a source file, or what the build depends on, is newer than the executable. */
export async function buildIfStale(): Promise<boolean> {
  if (!isStale()) return false;
  await buildExecutable();
  return true;
}

function isStale(): boolean {
  if (!existsSync(EXECUTABLE)) return true;
  const built = statSync(EXECUTABLE).mtimeMs;
  const inputs = [...new Bun.Glob("src/**/*").scanSync({ cwd: ROOT }), "package-lock.json"];
  return inputs.some((path) => statSync(join(ROOT, path)).mtimeMs > built);
}
