import type { Service } from "../model/index.ts";
import { toJson } from "../project/render/json.ts";
import type { Shown } from "../project/render/shown.ts";
import { countedAttributes } from "./counted.ts";

/**
 * The configuration hashes as Docker Compose 2 may have computed them: it writes down that the engine makes a missing folder
 * of a bind mount, where newer ones write that it does not. Containers with these hashes are as they should be, too.
 *
 * It does so for the short syntax, and for the long one where that says it. What is `/a:/b:z` in the one cannot be told
 * from what `bind: { selinux: z }` is in the other, so that there are two.
 */
export function olderHashes(service: Service): string[] {
  const attributes = new Map(countedAttributes(service));
  const volumes = attributes.get("volumes");
  if (!Array.isArray(volumes) || !service.volumes?.some(({ bind }) => bind)) return [];
  return [true, false].map((isShort) => {
    const shown = (volumes as readonly Shown[]).map((one, index) =>
      asBefore(one, service.volumes![index]!.bind, isShort),
    );
    return new Bun.CryptoHasher("sha256").update(toJson(attributes.set("volumes", shown))).digest("hex");
  });
}

function asBefore(
  volume: Shown,
  bind: NonNullable<Service["volumes"]>[number]["bind"],
  isShort: boolean,
): Shown {
  if (bind === undefined || bind === null || !(volume instanceof Map)) return volume;
  const shown = new Map((volume as ReadonlyMap<string, Shown>).get("bind") as ReadonlyMap<string, Shown>);
  const recursive = shown.get("recursive");
  shown.delete("create_host_path");
  shown.delete("recursive");
  if (bind.create_host_path ?? (isShort || shown.size === 0)) shown.set("create_host_path", true);
  if (recursive !== undefined) shown.set("recursive", recursive);
  return new Map<string, Shown>(volume).set("bind", shown);
}
