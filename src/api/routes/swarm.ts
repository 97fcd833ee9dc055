import { unavailable } from "../../lib/index.ts";
import type { Method, Router } from "../router.ts";

/** Docker's words on a node that is not part of a swarm, which no berth node is. */
export const NOT_A_MANAGER =
  'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.';

const SWARM_ROUTES: readonly (readonly [Method, string])[] = [
  ["GET", "/swarm"],
  ["POST", "/swarm/update"],
  ["GET", "/swarm/unlockkey"],
  ["POST", "/swarm/unlock"],
  ["GET", "/services"],
  ["POST", "/services/create"],
  ["GET", "/services/:id"],
  ["DELETE", "/services/:id"],
  ["POST", "/services/:id/update"],
  ["GET", "/services/:id/logs"],
  ["GET", "/nodes"],
  ["GET", "/nodes/:id"],
  ["DELETE", "/nodes/:id"],
  ["POST", "/nodes/:id/update"],
  ["GET", "/tasks"],
  ["GET", "/tasks/:id"],
  ["GET", "/tasks/:id/logs"],
  ["GET", "/secrets"],
  ["POST", "/secrets/create"],
  ["GET", "/secrets/:id"],
  ["DELETE", "/secrets/:id"],
  ["POST", "/secrets/:id/update"],
  ["GET", "/configs"],
  ["POST", "/configs/create"],
  ["GET", "/configs/:id"],
  ["DELETE", "/configs/:id"],
  ["POST", "/configs/:id/update"],
];

export function addSwarmRoutes(router: Router): void {
  for (const [method, path] of SWARM_ROUTES) {
    router.add(method, path, () => {
      throw unavailable(NOT_A_MANAGER);
    });
  }
  for (const path of ["/swarm/init", "/swarm/join"]) {
    router.post(path, () => {
      throw unavailable("berth has no swarm: run this command on a Docker engine");
    });
  }
  router.post("/swarm/leave", () => {
    throw unavailable("This node is not part of a swarm");
  });
}
