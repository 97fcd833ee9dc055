import { conflict, kindOf, notFound } from "../../lib/index.ts";
import type { Network } from "../../wire/index.ts";
import type { Application } from "../application.ts";

/** A network that somebody else has made, by its name or its id. A name must be exact: engines take prefixes of ids. */
export async function externalNetwork({ engine }: Application, name: string): Promise<Network> {
  const listed = (await engine.networks.list({ name: [name] })).filter(({ Name }) => Name === name);
  if (listed.length > 1) {
    throw conflict(
      `multiple networks with name "${name}" were found. Use network ID as \`name\` to avoid ambiguity`,
    );
  }
  const found = listed[0] ?? (await orNothing(engine.networks.inspect(name)));
  if (found === undefined || (found.Name !== name && found.Id !== name)) {
    throw notFound(`network ${name} declared as external, but could not be found`);
  }
  return found;
}

/** A volume that somebody else has made. */
export async function externalVolume({ engine }: Application, name: string): Promise<void> {
  if ((await orNothing(engine.volumes.inspect(name))) === undefined) {
    throw notFound(`external volume "${name}" not found`);
  }
}

export async function orNothing<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (kindOf(error) === "NotFound") return undefined;
    throw error;
  }
}
