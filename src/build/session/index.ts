/** The engine's side of BuildKit's sessions: what a client gives to its build while it runs. */
export { Session, type SessionFacts } from "./session.ts";
export {
  type OutputOption,
  type RequestBody,
  type SessionBuildOptions,
  SessionBuilds,
  type TraceMessage,
} from "./session-builds.ts";
export { Sessions } from "./sessions.ts";
