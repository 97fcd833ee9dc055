import type { Indexer } from "../../model/schema.ts";
import { child, type Node, textOf } from "../yaml/node.ts";

/** The list without doubles: a later item takes the place of an earlier one with the same key. */
export function distinct(items: readonly Node[], indexer: Indexer): Node[] {
  const places = new Map<string, number>();
  const kept: Node[] = [];
  for (const item of items) {
    const key = keyOf(item, indexer);
    const place = key === undefined ? undefined : places.get(key);
    if (place !== undefined) {
      kept[place] = item;
      continue;
    }
    if (key !== undefined) places.set(key, kept.length);
    kept.push(item);
  }
  return kept;
}

/** `undefined`: an item like no other. */
function keyOf(item: Node, indexer: Indexer): string | undefined {
  const field = (name: string) => {
    const value = child(item, name);
    return value?.kind === "scalar" && value.value !== null ? String(value.value) : undefined;
  };
  switch (indexer) {
    case "self":
      return textOf(item);
    case "name":
      return textOf(item)?.split("=", 1)[0];
    case "target":
      return field("target") ?? textOf(item);
    case "path":
      return field("path") ?? textOf(item);
    case "secret":
      return field("target") ?? `/run/secrets/${field("source") ?? textOf(item)}`;
    case "config":
      return field("target") ?? `/${field("source") ?? textOf(item)}`;
    case "port":
      if (item.kind !== "mapping") return textOf(item);
      return `${field("host_ip") ?? "0.0.0.0"}:${field("published")}:${field("target")}/${field("protocol") ?? "tcp"}`;
  }
}
