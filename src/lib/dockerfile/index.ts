/** The language of Dockerfiles: what is written, not what is done with it. */
export { INSTRUCTION_NAMES } from "./arguments.ts";
export { ExpansionBudget } from "./budget.ts";
export type { Directive, DirectiveName } from "./directives.ts";
export { DockerfileError, type Place, renderDockerfileError } from "./error.ts";
export {
  type EscapeCharacter,
  type ExpandOptions,
  type Expansion,
  expandWord,
  expandWords,
  type Variables,
} from "./expand.ts";
export { type Heredoc, type HeredocMark, heredocText, parseHeredocMark } from "./heredoc.ts";
export type * from "./instruction.ts";
export { parseInstruction, typedInstruction } from "./instructions.ts";
export { type CacheSharing, type MountType, type RunMount, resolveMount } from "./mount.ts";
export { didYouMean, nearest } from "./nearest.ts";
export { type ParsedDockerfile, parseDockerfile } from "./parse.ts";
export { type ExposedPort, parseExposedPort } from "./port.ts";
export { codeOf, placeAt, type Statement, statementError } from "./statement.ts";
export { type LineRange, quote } from "./text.ts";
export { parseBool, parseDurationNs } from "./values.ts";
