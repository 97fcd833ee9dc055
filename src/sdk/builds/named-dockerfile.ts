import { existsSync, readFileSync, realpathSync } from "node:fs";
import { basename, dirname, isAbsolute, relative, resolve } from "node:path";
import type { BuildInput, Missing } from "./input.ts";

/** The Dockerfile that `-f` names, in the context's folder or elsewhere. @throws with Docker's words */
export function namedDockerfile(folder: string, file: string, missing: Missing): BuildInput["dockerfile"] {
  if (/^https?:\/\//.test(file))
    throw new Error("a Dockerfile's own address is not supported: use it as the context");
  const name = insideName(folder, file);
  if (name !== undefined) {
    if (!existsSync(`${folder}/${name}`)) throw missing(isAbsolute(file) ? file : `${folder}/${name}`);
    // A link may lead out, where the engine does not follow it.
    if (realpathSync(`${folder}/${name}`).startsWith(`${folder}/`)) return { kind: "inside", name };
  }
  if (!existsSync(file)) throw missing(file);
  const own = `${dirname(resolve(file))}/${basename(file)}.dockerignore`;
  return { kind: "text", text: readFileSync(file), ignore: existsSync(own) ? readFileSync(own) : undefined };
}

/** The file's name in the context; undefined where it is outside. */
function insideName(folder: string, file: string): string | undefined {
  const path = isAbsolute(file) || existsSync(file) ? resolve(file) : resolve(folder, file);
  const real = existsSync(path) ? `${realpathSync(resolve(path, ".."))}/${basename(path)}` : path;
  const name = relative(folder, real);
  return name.startsWith("..") ? undefined : name;
}
