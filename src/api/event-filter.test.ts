import { describe, expect, test } from "bun:test";
import type { EngineEvent } from "../lib/index.ts";
import { eventFilter } from "./event-filter.ts";

const event = (type: EngineEvent["type"], action: string, actorId: string, attributes = {}): EngineEvent => ({
  type,
  action,
  actorId,
  attributes,
});

const EVENTS = {
  create: event("container", "create", "abc123", { name: "web", image: "nginx:1.27", tier: "front" }),
  exec: event("container", "exec_create: sh -c true", "abc123", { name: "web", image: "nginx:1.27" }),
  health: event("container", "health_status: healthy", "def456", { name: "db", image: "sha256:feed" }),
  pull: event("image", "pull", "nginx:1.27", { name: "nginx" }),
  tag: event("image", "tag", "sha256:feed", { name: "registry:5000/app:2", release: "yes" }),
  connect: event("network", "connect", "0f0f", { name: "backend", container: "abc123", type: "bridge" }),
  mount: event("volume", "mount", "data", { container: "abc123", driver: "local" }),
  reload: event("daemon", "reload", "E1:N2", { name: "host1" }),
} as const;

/** Which of the events a filter lets through. */
function through(filters: Record<string, string[]>): string[] {
  const wanted = eventFilter(filters) ?? (() => true);
  return Object.entries(EVENTS)
    .filter(([, each]) => wanted(each))
    .map(([name]) => name);
}

describe("filters of events, as Docker's", () => {
  const cases: [Record<string, string[]>, string[]][] = [
    [{}, Object.keys(EVENTS)],
    [{ type: ["network", "volume"] }, ["connect", "mount"]],
    [{ event: ["create"] }, ["create"]],
    [{ event: ["exec_create"] }, ["exec"]],
    [{ event: ["exec_create: sh -c true"] }, ["exec"]],
    [{ event: ["health_status"] }, ["health"]],
    [{ event: ["health"] }, []],
    [{ container: ["web"] }, ["create", "exec"]],
    [{ container: ["abc"] }, ["create", "exec"]],
    [{ container: ["we", "db"] }, ["create", "exec", "health"]],
    [{ container: ["eb"] }, []],
    [{ image: ["nginx"] }, ["create", "exec", "pull"]],
    [{ image: ["nginx:1.27"] }, ["create", "exec", "pull"]],
    [{ image: ["nginx:1.26"] }, []],
    [{ image: ["registry:5000/app"] }, ["tag"]],
    [{ image: ["sha256:feed"] }, ["health", "tag"]],
    [{ network: ["back"] }, ["connect"]],
    [{ network: ["0f"] }, ["connect"]],
    [{ volume: ["da"] }, ["mount"]],
    [{ daemon: ["host1"] }, ["reload"]],
    [{ daemon: ["E1"] }, ["reload"]],
    [{ label: ["tier"] }, ["create"]],
    [{ label: ["tier=front"] }, ["create"]],
    [{ label: ["tier=back"] }, []],
    [{ label: ["tier", "release"] }, []],
    [{ scope: ["local"] }, Object.keys(EVENTS)],
    [{ scope: ["swarm"] }, []],
    [{ plugin: ["x"] }, []],
    [{ node: ["x"] }, []],
    [{ service: ["x"] }, []],
    [{ secret: ["x"] }, []],
    [{ config: ["x"] }, []],
    // Of one kind: any; of several kinds: all.
    [{ type: ["container"], event: ["create", "die"], label: ["tier"] }, ["create"]],
    [{ type: ["container"], image: ["nginx"], event: ["pull"] }, []],
    [{ event: [] }, Object.keys(EVENTS)],
  ];
  for (const [filters, expected] of cases)
    test(JSON.stringify(filters), () => expect(through(filters)).toEqual(expected));

  test("what is no filter is an error", () => {
    for (const name of ["nonesuch", "__proto__", "constructor", "Type"])
      expect(() => eventFilter(JSON.parse(`{"${name}": ["x"]}`))).toThrow(`invalid filter '${name}'`);
  });
});
