import type { StructShort } from "../../model/schema.ts";
import { parseVolume } from "./volume.ts";

type Fields = Readonly<Record<string, unknown>>;

/**
 * What a lone value stands for, by the attribute's short syntax. `undefined`: it has no such meaning.
 *
 * @throws Error saying what is wrong.
 */
export function longSyntax(short: StructShort, value: string | number): Fields | undefined {
  if (short === "ulimit") {
    const single = Number(value);
    return Number.isInteger(single) && value !== "" ? { single } : undefined;
  }
  if (typeof value !== "string") return undefined;
  switch (short) {
    case "build":
      return { context: value };
    case "volume":
      return parseVolume(value);
    case "device":
      return device(value);
    case "file-mount":
      return { source: value };
    case "env-file":
    case "include":
      return { path: value };
    case "extends":
      return { service: value };
  }
}

function device(text: string): Fields {
  const [source = "", target = source, permissions = "rwm", ...rest] = text.split(":");
  if (rest.length > 0) throw new Error(`confusing device mapping, please use long syntax: ${text}`);
  return { source, target: target === "" ? source : target, permissions };
}
