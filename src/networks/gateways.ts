import { log, messageOf } from "../lib/index.ts";
import type { NetworkNamespace, RouteSpec } from "../linux/index.ts";
import type { Family } from "./cidr.ts";
import type { Place } from "./sandbox.ts";

/** A place's way to everywhere else, as its network's driver says. */
export type RouteOf = (place: Place, family: Family) => RouteSpec | undefined;

const FAMILIES: readonly Family[] = [4, 6];

/** Of a container's places, in their order, the first that leads outside, with its route. */
function wayOut(places: readonly Place[], family: Family, routeOf: RouteOf) {
  for (const place of places) {
    const route = routeOf(place, family);
    if (route !== undefined) return { place, route };
  }
  return undefined;
}

/** The default routes that one more place gives a container that has none of that family yet. */
export function firstRoutes(places: readonly Place[], next: Place, routeOf: RouteOf): RouteSpec[] {
  return FAMILIES.flatMap((family) => {
    if (wayOut(places, family, routeOf) !== undefined) return [];
    return routeOf(next, family) ?? [];
  });
}

/**
 * The place where a container's ports are published: its way out in IPv4, else in IPv6, if that is a bridge. Answers
 * have to leave by the way that questions came.
 */
export function publishingPlace(places: readonly Place[], routeOf: RouteOf): Place | undefined {
  const way = wayOut(places, 4, routeOf) ?? wayOut(places, 6, routeOf);
  return way?.place.network.record.driver === "bridge" ? way.place : undefined;
}

/**
 * Makes the default routes of a running container those of its places now. What the container has done to its routes
 * meanwhile is its own affair: a route that is gone, or in the way, is only told to the log.
 */
export function moveRoutes(
  namespace: NetworkNamespace,
  before: readonly Place[],
  now: readonly Place[],
  routeOf: RouteOf,
): void {
  for (const family of FAMILIES) {
    const old = wayOut(before, family, routeOf);
    const next = wayOut(now, family, routeOf);
    if (old?.place === next?.place) continue;
    if (old !== undefined) change(old.place, () => namespace.routes.removeRoute(withDevice(old)));
    if (next !== undefined) change(next.place, () => namespace.routes.addRoute(withDevice(next)));
  }
}

/** The kernel would find the interface by the gateway, but two networks may know that address. */
function withDevice({ place, route }: { place: Place; route: RouteSpec }): RouteSpec {
  return { device: place.endpoint.interfaceName, ...route };
}

function change(place: Place, work: () => void): void {
  try {
    work();
  } catch (error) {
    log.warn("cannot move a running container's default route", {
      container: place.endpoint.containerId,
      network: place.network.record.name,
      reason: messageOf(error),
    });
  }
}
