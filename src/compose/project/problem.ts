import { EngineError } from "../../lib/index.ts";
import type { Place } from "./yaml/node.ts";
import { IMPLICIT } from "./yaml/source.ts";

/** How many problems one error lists: a file that is no Compose file at all has thousands. */
const MOST_LISTED = 20;

/** Something wrong with what a person wrote, and where. */
export interface Problem {
  /** `services.web.ports[0]`; empty: the whole file. */
  readonly path: string;
  readonly message: string;
  readonly at: Place;
}

/** `compose.yaml:4:5: services.web.imge: …`; a place that nobody wrote has no file. */
export function describe({ path, message, at }: Problem): string {
  const subject = path === "" ? message : `${path}: ${message}`;
  if (at.source === IMPLICIT) return subject;
  const { line, column } = at.source.position(at.offset);
  return `${at.source.name}:${line}:${column}: ${subject}`;
}

/** A project that cannot be used as written. The message has one line per problem. */
export class ComposeError extends EngineError {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    const listed = problems.slice(0, MOST_LISTED).map(describe);
    if (problems.length > MOST_LISTED) listed.push(`and ${problems.length - MOST_LISTED} more`);
    super("InvalidParameter", listed.join("\n"));
    this.name = "ComposeError";
    this.problems = problems;
  }
}

export const problemAt = (at: Place, path: string, message: string): ComposeError =>
  new ComposeError([{ path, message, at }]);

/** `services.web` + `ports` + 0 → `services.web.ports[0]`. */
export const below = (path: string, key: string | number): string => {
  if (typeof key === "number") return `${path}[${key}]`;
  return path === "" ? key : `${path}.${key}`;
};
