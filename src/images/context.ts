import type { Digest, EmitEvent } from "../lib/index.ts";
import type { Catalog } from "./catalog.ts";
import type { Layers } from "./layers.ts";
import type { TravelRecords } from "./registry/records.ts";
import type { Users } from "./users.ts";
import type { Versions } from "./versions/versions.ts";

/** What the operations on images work with. */
export interface ImageContext {
  readonly catalog: Catalog;
  readonly layers: Layers;
  readonly records: TravelRecords;
  readonly users: Users;
  /** Where each name pointed, and how it came to. */
  readonly versions: Versions;
  readonly emit: EmitEvent;
  /** Of images that are made here: `linux`, `amd64`. */
  readonly platform: { readonly os: string; readonly architecture: string };
}

/** Tells an event the way Docker does: the image's labels, and a name. */
export function tellImageEvent(
  context: ImageContext,
  action: string,
  id: Digest,
  name: string,
  labels: Readonly<Record<string, string>> = context.catalog.get(id)?.document.config.Labels ?? {},
): void {
  context.emit({ type: "image", action, actorId: id, attributes: { ...labels, name } });
}

/** What moves between here and a registry is told by its name, as by Docker. */
export function tellRegistryEvent(
  context: Pick<ImageContext, "emit">,
  action: "pull" | "push",
  reference: string,
  repository: string,
): void {
  context.emit({ type: "image", action, actorId: reference, attributes: { name: repository } });
}
