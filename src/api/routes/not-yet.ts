import { notFound, notImplemented } from "../../lib/index.ts";
import type { Method, Router } from "../router.ts";

const MISSING: readonly (readonly [Method, string, string])[] = [
  ["GET", "/plugins/privileges", "berth has no plugins"],
  ["POST", "/plugins/pull", "berth has no plugins"],
  ["POST", "/plugins/create", "berth has no plugins"],
  ["GET", "/containers/:id{.+}/checkpoints", "berth has no checkpoints yet"],
  ["POST", "/containers/:id{.+}/checkpoints", "berth has no checkpoints yet"],
  ["DELETE", "/containers/:id{.+}/checkpoints/:checkpoint", "berth has no checkpoints yet"],
];

/** Operations of Docker's that berth does not have, each with a sentence that says so instead of a bare 404. */
export function addMissingRoutes(router: Router): void {
  router.get("/plugins", (call) => call.json(200, []));
  // The last that `docker inspect` asks for, which must hear that there is none.
  router.get("/plugins/:name{.+}/json", (call) => {
    throw notFound(`plugin ${JSON.stringify(call.param("name"))} not found`);
  });
  for (const [method, path, reason] of MISSING) {
    router.add(method, path, () => {
      throw notImplemented(reason);
    });
  }
  for (const [method, path] of [
    ["POST", "/plugins/:name{.+}/enable"],
    ["POST", "/plugins/:name{.+}/disable"],
    ["POST", "/plugins/:name{.+}/upgrade"],
    ["POST", "/plugins/:name{.+}/push"],
    ["POST", "/plugins/:name{.+}/set"],
    ["DELETE", "/plugins/:name{.+}"],
  ] as const) {
    router.add(method, path, (call) => {
      throw notImplemented(`plugin ${JSON.stringify(call.param("name"))}: berth has no plugins`);
    });
  }
}
