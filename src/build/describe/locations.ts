import type { LineRange } from "../../lib/dockerfile/index.ts";

/** Lines of the Dockerfile, as BuildKit's `pb.Location` is in JSON. */
export interface Location {
  readonly ranges: readonly {
    readonly start: { readonly line: number };
    readonly end: { readonly line: number };
  }[];
}

export function locationOf({ start, end }: LineRange): Location {
  return { ranges: [{ start: { line: start }, end: { line: end } }] };
}

/** What a comment above an instruction says of a name: the line that begins with it (BuildKit's `getComment`). */
export function descriptionOf(name: string, comments: readonly string[]): string {
  if (name === "") return "";
  const line = comments.find((comment) => comment.startsWith(`${name} `));
  return line === undefined ? "" : line.slice(name.length + 1);
}

/** The Dockerfile itself, as Go puts bytes into JSON. */
export const sourceOf = (text: string) => Buffer.from(text).toString("base64");

/** Without the fields that say nothing, as Go's `omitempty` leaves them out. */
export function withoutEmpty<T extends object>(value: T): Partial<T> {
  return Object.fromEntries(
    Object.entries(value).filter(
      ([, field]) =>
        field !== "" &&
        field !== false &&
        field !== undefined &&
        !(Array.isArray(field) && field.length === 0),
    ),
  ) as Partial<T>;
}
