import type { Call } from "../call.ts";
import { type Backends, routesOf } from "../index.ts";
import { Query } from "../query.ts";
import type { Route } from "../router.ts";
import { MAX_MINOR, MIN_MINOR } from "../version.ts";
import type { Operation, QueryKind } from "./operation.ts";

/** Tool for this room's tests: what the handler of a route reads of its request, found out by calling it. */
export interface Reads {
  readonly query: ReadonlySet<string>;
  /** Those that begin with `x-`. */
  readonly headers: ReadonlySet<string>;
  /** Schemas of JSON bodies. */
  readonly schemas: ReadonlySet<unknown>;
  /** Whether the body is read as bytes. */
  readonly bytes: boolean;
  /** What the handler threw when the request had all that the description knows. */
  readonly thrown: unknown;
}

/** The table of routes, with nothing behind it. */
export function probedRoutes(): readonly Route[] {
  const backend = new Proxy({}, { get: () => async () => anything() });
  const backends = new Proxy({}, { get: () => backend }) as unknown as Backends;
  return routesOf(backends).routes;
}

/** A value of which every property is one more such value, and that is an empty list when it is walked. */
function anything(): unknown {
  return new Proxy(() => {}, {
    get: (_target, key) => {
      if (key === "then") return undefined;
      if (key === Symbol.iterator) return () => [][Symbol.iterator]();
      if (key === Symbol.asyncIterator) return async function* () {};
      if (key === Symbol.toPrimitive) return () => "";
      if (key === "toJSON") return () => null;
      return anything();
    },
    apply: () => anything(),
  });
}

/** Of parameters that are words: one that leads further. */
const WORDS: Readonly<Record<string, string>> = {
  version: "2",
  condition: "removed",
  type: "image",
  fromSrc: "-",
};
const VALUES: Readonly<Record<QueryKind, string>> = {
  flag: "1",
  integer: "1",
  text: "1",
  texts: "1",
  time: "1",
  filters: "{}",
  json: "null",
};

/** Calls a route's handler with every single parameter that its description knows, with none, and with all of them. */
export async function probe(route: Route, operation: Operation | undefined): Promise<Reads> {
  const reads = {
    query: new Set<string>(),
    headers: new Set<string>(),
    schemas: new Set<unknown>(),
    bytes: false,
    thrown: undefined as unknown,
  };
  const known = Object.entries(operation?.query ?? {}).map(
    ([name, kind]) => [name, WORDS[name] ?? VALUES[kind]] as const,
  );
  const required = known.filter(([name]) => operation?.required?.includes(name));
  const off = known.filter(([, value]) => value === "1").map(([name]) => [name, "0"] as const);
  const selections = [[], required, ...[...known, ...off].map((one) => [...required, one]), known];
  const upgrade = route.path.endsWith("/ws") ? "websocket" : "h2c";
  for (const minor of [MIN_MINOR, MAX_MINOR]) {
    for (const selection of selections) {
      const query = new Query(new URLSearchParams(Object.fromEntries(selection)).toString());
      reads.thrown = undefined;
      try {
        await route.handler(fakeCall(upgrade, minor, recording(query, reads.query), reads));
      } catch (error) {
        reads.thrown = error;
      }
    }
  }
  return reads;
}

/** A query that notes which names are asked for. */
function recording(query: Query, names: Set<string>): Query {
  return new Proxy(query, {
    get: (target, key) => {
      const value: unknown = Reflect.get(target, key);
      if (typeof value !== "function") return value;
      return (...args: unknown[]) => {
        names.add(key === "filters" ? "filters" : String(args[0]));
        return value.apply(target, args) as unknown;
      };
    },
  });
}

const HANDSHAKE: Readonly<Record<string, string>> = {
  "sec-websocket-key": "x",
  "sec-websocket-version": "13",
};

function fakeCall(
  upgrade: string,
  minor: number,
  query: Query,
  reads: { headers: Set<string>; schemas: Set<unknown>; bytes: boolean },
): Call {
  const bytes = () => {
    reads.bytes = true;
    return [];
  };
  const given = {
    minor,
    query,
    path: "/",
    params: {},
    param: (name: string) => `{${name}}`,
    request: { headers: { "content-length": "1" }, complete: true },
    signal: new AbortController().signal,
    header: (name: string) => {
      if (name.startsWith("x-")) reads.headers.add(name);
      return name === "upgrade" ? upgrade : HANDSHAKE[name];
    },
    onBehalf: (work: () => unknown) => work(),
    body: async (_name: string, schema: unknown) => {
      reads.schemas.add(schema);
      return { Image: "x", Cmd: ["x"] };
    },
    bytes,
    upload: bytes,
  };
  const rest = anything() as object;
  return new Proxy(given, {
    get: (target, key) => Reflect.get(key in target ? target : rest, key),
  }) as unknown as Call;
}
