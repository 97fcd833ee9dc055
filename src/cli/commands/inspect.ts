import { kindOf } from "../../lib/index.ts";
import type { Engine } from "../../sdk/index.ts";
import { bool, string } from "../flags.ts";
import { SHOW_FORMAT_HELP } from "../show/format-help.ts";
import { inspectAll } from "../show/inspect.ts";
import { atLeast, defineCommand } from "../spec.ts";

/** In the order in which a name is looked up. */
const TYPES = ["container", "image", "network", "volume"] as const;
type ObjectType = (typeof TYPES)[number];
/** Docker's types of a swarm, and plugins. */
const NOT_HERE = ["config", "node", "plugin", "secret", "service", "task"];

export const command = defineCommand({
  summary: "Show everything about containers, images, networks or volumes",
  usage: "[OPTIONS] NAME|ID [NAME|ID...]",
  arity: atLeast(1),
  complete: "all-containers",
  flags: {
    format: string(SHOW_FORMAT_HELP, { short: "f" }),
    size: bool("Also show sizes of containers", { short: "s" }),
    type: string("Look only for this type", { complete: TYPES }),
  },
  async run({ cli, args, flags, changed }) {
    const wanted = changed("type") ? checkType(flags.type) : undefined;
    const engine = await cli.engine();
    await inspectAll(cli, args, flags.format, async (ref) => {
      const { type, json } = await find(engine, ref, wanted, flags.size);
      if (flags.size && type !== "container") cli.note(`WARNING: --size ignored for ${type}`);
      return json;
    });
  },
});

function checkType(type: string): ObjectType {
  const all = `must be one of "${[...TYPES, ...NOT_HERE].sort().join('", "')}"`;
  if (type === "") throw new Error(`type is empty: ${all}`);
  const known = TYPES.find((each) => each === type);
  if (known !== undefined) return known;
  if (NOT_HERE.includes(type)) throw new Error(`--type ${type}: berth has no ${type}s`);
  throw new Error(`unknown type: ${JSON.stringify(type)}: ${all}`);
}

async function find(
  engine: Engine,
  ref: string,
  wanted: ObjectType | undefined,
  size: boolean,
): Promise<{ type: ObjectType; json: string }> {
  for (const type of wanted === undefined ? TYPES : [wanted]) {
    try {
      return { type, json: await readers(engine, size)[type](ref) };
    } catch (error) {
      if (wanted !== undefined || !isElsewhere(error)) throw error;
    }
  }
  throw new Error(`Error: No such object: ${ref}`);
}

function readers(engine: Engine, size: boolean): Record<ObjectType, (ref: string) => Promise<string>> {
  return {
    container: (ref) => engine.containers.inspectText(ref, { size }),
    image: (ref) => engine.images.inspectText(ref),
    network: (ref) => engine.networks.inspectText(ref),
    volume: (ref) => engine.volumes.inspectText(ref),
  };
}

/** Whether the name may still be that of something else. */
function isElsewhere(error: unknown): boolean {
  return (
    kindOf(error) === "NotFound" || /not supported|invalid reference format/.test((error as Error).message)
  );
}
