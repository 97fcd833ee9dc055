import type { VolumeBackend } from "../api/index.ts";
import type { Containers } from "../containers/index.ts";
import type { Volumes } from "../volumes/index.ts";

/** Volumes as the API asks for them: that those who use one stand still while it is read is the containers' affair. */
export function volumeBackend(volumes: Volumes, containers: Containers): VolumeBackend {
  const freeze = (ids: readonly string[]) => containers.freeze(ids);
  return {
    list: (filters) => volumes.list(filters),
    create: (request) => volumes.create(request),
    inspect: (name) => volumes.inspect(name),
    remove: (name, options) => volumes.remove(name, options),
    prune: (filters) => volumes.prune(filters),
    export: (name, { pause }) => volumes.transfers.export(name, pause ? { freeze } : {}),
    import: (name, body, options) => volumes.transfers.import(name, body, options),
    clone: (name, request, { pause, signal }) =>
      volumes.transfers.clone(name, request, pause ? { freeze, signal } : { signal }),
  };
}
