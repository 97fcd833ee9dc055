import type { NetworkBackend } from "../api/index.ts";
import type { Containers } from "../containers/index.ts";
import type { Networks } from "../networks/index.ts";

/** Networks as the API asks for them: who is on one is the containers' affair too. */
export function networkBackend(networks: Networks, containers: Containers): NetworkBackend {
  return {
    list: (filters) => networks.list(filters),
    inspect: (ref) => networks.inspect(ref),
    create: (request) => networks.create(request),
    remove: (ref) => networks.remove(ref),
    prune: (filters) => networks.prune(filters),
    connect: (ref, { Container, EndpointConfig }) =>
      containers.connectNetwork(Container ?? "", ref, EndpointConfig ?? {}),
    disconnect: (ref, { Container, Force }) =>
      containers.disconnectNetwork(Container ?? "", ref, { force: Force === true }),
  };
}
