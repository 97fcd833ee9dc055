import { invalidParameter } from "../../lib/index.ts";
import type { BuildSecret } from "./options.ts";

/** Where a secret comes from. */
export type Secret = { readonly path: string } | { readonly value: string };

/** @throws InvalidParameter where one has no source, or more than one */
export function secretsById(secrets: readonly BuildSecret[]): ReadonlyMap<string, Secret> {
  return new Map(secrets.map((secret) => [secret.id, secretOf(secret)]));
}

function secretOf({ id, file, env, value }: BuildSecret): Secret {
  if (id === "") throw invalidParameter("a secret needs an id");
  const given = [file, env, value].filter((each) => each !== undefined);
  if (given.length !== 1) throw invalidParameter(`the secret ${id} needs one of file, env and value`);
  if (file !== undefined) return { path: file };
  return { value: env === undefined ? value! : (process.env[env] ?? "") };
}
