import { readFile } from "node:fs/promises";
import { type ContextEndpoint, parseEndpoint } from "../../sdk/index.ts";
import type { Flag } from "../flags.ts";
import { cut } from "../flags.ts";
import { parseCsv } from "../options/csv.ts";
import { systemText } from "../options/environment.ts";
import { parseBool } from "../text/numbers.ts";
import type { ContextStore, TlsFiles } from "./store.ts";

const KEYS = {
  from: "Copy named context's Docker endpoint configuration",
  host: "Docker endpoint on which to connect",
  ca: "Trust certs signed only by this CA",
  cert: "Path to TLS certificate file",
  key: "Path to TLS key file",
  "skip-tls-verify": "Skip TLS certificate validation",
} as const;

/** `--docker host=tcp://…,ca=…`. */
export const DOCKER_FLAG: Flag<Readonly<Record<string, string>>> = {
  type: "stringToString",
  description: "Where the engine is, and how it is reached",
  initial: {},
  take(text, before) {
    const pairs = parseCsv(text).map((field): [string, string] => {
      const [key, value] = cut(field, "=");
      if (value === undefined) throw new Error(`${field} must be formatted as key=value`);
      return [key, value];
    });
    return { ...before, ...Object.fromEntries(pairs) };
  },
};

/** What help says of the flag. */
export function describeKeys(summary: string, command: string): string {
  const rows = Object.entries({ NAME: "DESCRIPTION", ...KEYS }).map(
    ([name, description]) => `${name.padEnd(20)}${description}`,
  );
  const example = `berth context ${command} far --description "some description" --docker "host=tcp://myserver:2376,ca=~/ca-file,cert=~/cert-file,key=~/key-file"`;
  return `${summary}\n\nDocker endpoint config:\n\n${rows.join("\n")}\n\nExample:\n\n$ ${example}`;
}

/** Reads the files that the flag names. @throws an Error in Docker's words. */
export async function readDockerEndpoint(
  store: ContextStore,
  given: Readonly<Record<string, string>>,
): Promise<{ readonly endpoint: ContextEndpoint; readonly tls: TlsFiles }> {
  try {
    return await read(store, given);
  } catch (error) {
    throw new Error(`unable to create docker endpoint config: ${(error as Error).message}`, { cause: error });
  }
}

async function read(
  store: ContextStore,
  given: Readonly<Record<string, string>>,
): Promise<{ endpoint: ContextEndpoint; tls: TlsFiles }> {
  const unknown = Object.keys(given).filter((key) => !Object.hasOwn(KEYS, key));
  if (unknown.length > 0) throw new Error(unknown.map((key) => `unrecognized config key: ${key}`).join("\n"));
  if (given["from"] !== undefined) {
    const endpoint = (await store.read(given["from"])).Endpoints?.docker;
    if (endpoint === undefined) throw new Error(`unable to get endpoint from context "${given["from"]}"`);
    return { endpoint, tls: {} };
  }
  const Host = given["host"] ?? "";
  if (Host !== "") parseEndpoint(Host);
  const tls: Record<string, Uint8Array> = {};
  for (const name of ["ca", "cert", "key"]) {
    const path = given[name] ?? "";
    if (path !== "") tls[`${name}.pem`] = await readPem(path);
  }
  const SkipTLSVerify = parseSkip(given["skip-tls-verify"]);
  return { endpoint: Host === "" ? { SkipTLSVerify } : { Host, SkipTLSVerify }, tls };
}

function parseSkip(text: string | undefined): boolean {
  if (text === undefined) return false;
  try {
    return parseBool(text);
  } catch (error) {
    throw new Error(`skip-tls-verify: ${(error as Error).message}`, { cause: error });
  }
}

async function readPem(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new Error(`open ${path}: ${systemText(error)}`, { cause: error });
  }
}
