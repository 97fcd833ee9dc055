import { invalidParameter } from "../../../lib/index.ts";
import type { Lookup } from "./template.ts";

/** `format: raw`: what `docker run --env-file` reads. Nothing is unquoted or filled in; a lone name is taken from outside. */
export function readRawEnv(text: string, file: string, into: Map<string, string>, lookup: Lookup): void {
  for (const [index, line] of text
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .entries()) {
    const entry = line.trimStart();
    if (entry === "" || entry.startsWith("#")) continue;
    const equals = entry.indexOf("=");
    const name = equals === -1 ? entry : entry.slice(0, equals);
    if (/\s/.test(name)) {
      throw invalidParameter(
        `failed to parse env_file ${file}: line ${index + 1}: variable '${name}' contains whitespaces`,
      );
    }
    if (name === "") {
      throw invalidParameter(`failed to parse env_file ${file}: line ${index + 1}: no variable name`);
    }
    const value = equals === -1 ? lookup(name) : entry.slice(equals + 1);
    if (value !== undefined) into.set(name, value);
  }
}
