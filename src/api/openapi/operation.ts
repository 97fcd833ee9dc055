import type { TSchema } from "../../wire/index.ts";

/** How a parameter of a query is written: see `Query`. */
export type QueryKind = "flag" | "integer" | "text" | "texts" | "time" | "filters" | "json";

/** What a request or an answer carries besides its head. */
export interface Content {
  readonly media: string;
  /** Of JSON. Where the media type tells of several objects: of each of them. */
  readonly schema?: TSchema;
  readonly note?: string;
}

/** What the published document says of one route. */
export interface Operation {
  readonly summary: string;
  readonly tag: "Containers" | "Images" | "Builds" | "Networks" | "Volumes" | "System" | "Berth";
  readonly query?: Readonly<Record<string, QueryKind>>;
  /** Those of the query that must be there. */
  readonly required?: readonly string[];
  /** Headers of the request, and what they hold. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Content;
  /** Status → what comes with it; null: nothing. */
  readonly answers: Readonly<Record<number, Content | null>>;
}

/** By method and path as the router has it: `GET /containers/:id{.+}/json`. */
export type Operations = Readonly<Record<string, Operation>>;

export const json = (schema: TSchema): Content => ({ media: "application/json", schema });

/** One object of JSON after the other, each on a line of its own. */
export const jsonLines = (schema: TSchema): Content => ({
  media: "application/json",
  schema,
  note: "Objects of JSON, one a line, for as long as there are any",
});

export const TAR: Content = { media: "application/x-tar" };
/** Output of a process: with a terminal as it is, else in frames with heads of 8 bytes. */
export const OUTPUT: Content = {
  media: "application/vnd.docker.multiplexed-stream",
  note: "With a terminal: application/vnd.docker.raw-stream",
};
/** The connection is handed over to a process. */
export const HIJACKED = {
  101: { media: OUTPUT.media, note: "To a request with `Upgrade: tcp`: the bare connection" },
  200: OUTPUT,
} satisfies Operation["answers"];

export const REGISTRY_AUTH = { "X-Registry-Auth": "JSON of an AuthConfig, in base64url" } as const;
export const REGISTRY_CONFIG = {
  "X-Registry-Config": "JSON of AuthConfigs by registry, in base64url",
} as const;
/** The header that tells of a file in a container. */
export const PATH_STAT = "The header X-Docker-Container-Path-Stat holds JSON of a PathStat, in base64";
