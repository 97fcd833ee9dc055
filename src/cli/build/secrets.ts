import { statSync } from "node:fs";
import type { BuildSecret } from "../../sdk/index.ts";
import { parseCsv } from "../options/csv.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads `--secret id=name[,src=file|env=VARIABLE]`. Without either, a variable of the secret's name, then a file of it.
 * @throws with Docker's words
 */
export function parseSecrets(specs: readonly string[], env: Environment): BuildSecret[] {
  return specs.map((spec) => parseSecret(spec, env));
}

function parseSecret(spec: string, env: Environment): BuildSecret {
  const fields: Record<string, string> = {};
  for (const field of parseCsv(spec)) {
    const [, key = "", value] = /^([^=]*)(?:=(.*))?$/s.exec(field) ?? [];
    if (value === undefined)
      throw new Error(`failed to parse secret: invalid field '${field}' must be a key=value pair`);
    const name = key.toLowerCase();
    if (!["id", "src", "source", "env", "type"].includes(name)) {
      throw new Error(`failed to parse secret: unexpected key '${key}' in '${field}'`);
    }
    fields[name === "source" ? "src" : name] = value;
  }
  const { id = "", src, type = "" } = fields;
  if (id === "") throw new Error("failed to parse secret: missing id");
  if (type !== "" && type !== "file" && type !== "env") {
    throw new Error(`failed to parse secret: unsupported secret type ${JSON.stringify(type)}`);
  }
  const variable =
    fields["env"] ??
    (type === "env" ? (src ?? id) : src === undefined && env[id] !== undefined ? id : undefined);
  if (variable !== undefined) return { id, value: env[variable] ?? "" };
  const path = src ?? id;
  if (statSync(path, { throwIfNoEntry: false }) === undefined)
    throw new Error(`failed to stat ${path}: no such file or directory`);
  return { id, file: path };
}
