import { type ClientConfig, proxyVariables } from "../../sdk/index.ts";
import { cut } from "../flags.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** `-e NAME` takes the client's own value, where it has one. @throws with Docker's words. */
export function checkEnv(text: string, env: Environment = process.env): string {
  const [name, value] = cut(text, "=");
  if (name === "") throw new Error(`invalid environment variable: ${text}`);
  if (value !== undefined) return text;
  const own = env[name];
  return own === undefined ? text : `${name}=${own}`;
}

/** Lines of `--env-file` and `--label-file`, and then what the flags say. */
export function readPairs(files: readonly string[], flags: readonly string[], env?: Environment): string[] {
  return [...files.flatMap((file) => readPairFile(file, env)), ...flags];
}

/** @param env where a line without `=` finds its value; without, and where it has none, the line is skipped. */
function readPairFile(path: string, env: Environment | undefined): string[] {
  const bytes = readBytes(path);
  try {
    return parsePairs(new TextDecoder("utf-8", { fatal: true }).decode(bytes), env);
  } catch (error) {
    throw new Error(`invalid env file (${path}): ${(error as Error).message}`, { cause: error });
  }
}

function readBytes(path: string): Uint8Array {
  try {
    const { readFileSync } = require("node:fs") as typeof import("node:fs");
    return readFileSync(path);
  } catch (error) {
    throw new Error(`open ${path}: ${systemText(error)}`, { cause: error });
  }
}

/** A system error as Go words it. */
export function systemText(error: unknown): string {
  const { code, message } = error as { code?: string; message: string };
  if (code === "ENOENT") return "no such file or directory";
  if (code === "EACCES") return "permission denied";
  return code === "EISDIR" ? "is a directory" : message;
}

function parsePairs(text: string, env: Environment | undefined): string[] {
  const pairs: string[] = [];
  for (const raw of text.split(/\r?\n/)) {
    const line = raw.trimStart();
    if (line === "" || line.startsWith("#")) continue;
    const [name, value] = cut(line, "=");
    if (name === "") throw new Error(`no variable name on line '${line}'`);
    if (/[ \t]/.test(name)) throw new Error(`variable '${name}' contains whitespaces`);
    if (value !== undefined) pairs.push(line);
    else if (env?.[line] !== undefined) pairs.push(`${name}=${env[line]}`);
  }
  return pairs;
}

/** `a=b` texts as an object; the last of a name wins. */
export function pairsToRecord(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(pairs.map((pair) => cut(pair, "=")).map(([key, value = ""]) => [key, value]));
}

/** The proxies that the client's configuration gives to containers, in both spellings, unless set already. */
export function withProxies(env: readonly string[], config: ClientConfig, address: string): string[] {
  const given = new Set(env.map((pair) => cut(pair, "=")[0]));
  const added = proxyVariables(config, address).filter(([name]) => !given.has(name));
  return [...env, ...added.map(([name, value]) => `${name}=${value}`)];
}
