import type { ImageVersion } from "../../wire/index.ts";
import type { ImageContext } from "../context.ts";
import { fullName } from "../reference.ts";
import { pullReferenceOf, tagNameOf, versionsOf } from "./reference.ts";

/** `berth image log`: newest first. @throws NotFound; InvalidParameter for a name that is none, or a digest */
export function imageVersions(context: ImageContext, text: string): ImageVersion[] {
  const name = tagNameOf(text);
  const { catalog } = context;
  const present = catalog.imageOf(fullName(name));
  return versionsOf(context, name).map((version, at): ImageVersion => {
    const { image } = version;
    const State = image === undefined ? "none" : catalog.get(image) === undefined ? "gone" : "present";
    const pull = State === "gone" ? pullReferenceOf(name, version) : undefined;
    return {
      Number: version.number,
      Time: new Date(version.timeMs).toISOString(),
      Image: image ?? "",
      Before: version.before ?? "",
      Current: at === 0 && image !== undefined && image === present,
      State,
      User: version.user,
      Client: version.client,
      How: version.how,
      Size: version.sizeBytes,
      Layers: version.layers,
      Changes: version.changes ?? null,
      ...(pull === undefined ? {} : { PullReference: pull }),
    };
  });
}
