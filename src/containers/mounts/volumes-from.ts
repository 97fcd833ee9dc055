import { invalidParameter } from "../../lib/index.ts";
import type { ContainerRecord } from "../record.ts";
import { parseMode } from "./mode.ts";
import type { PlannedMount } from "./plan-types.ts";

/** `id[:ro|rw|z|Z]`. @throws InvalidParameter in Docker's words */
export function parseVolumesFrom(text: string): { container: string; readOnly: boolean } {
  if (text === "") throw invalidParameter("volumes-from specification cannot be an empty string");
  const colon = text.indexOf(":");
  const container = colon === -1 ? text : text.slice(0, colon);
  const modeText = colon === -1 ? "" : text.slice(colon + 1);
  const mode = parseMode(modeText);
  // The mounts keep the propagation they have, and nothing is copied into a volume in use.
  if (mode === undefined || mode.propagation !== undefined || mode.noCopy) {
    throw invalidParameter(`invalid mode: ${modeText}`);
  }
  return { container, readOnly: mode.readOnly };
}

/** Another container's mounts, as this one will have them. */
export function mountsFrom(donor: ContainerRecord, readOnly: boolean): PlannedMount[] {
  return donor.mounts
    .filter((mount) => mount.origin !== "tmpfs")
    .map(({ anonymous: _, ...mount }) => ({
      ...mount,
      mode: "",
      readOnly: mount.readOnly || readOnly,
      copyUp: false,
      origin: "volumes-from",
    }));
}
