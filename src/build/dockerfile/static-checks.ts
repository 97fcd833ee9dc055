import type { FromInstruction, Instruction } from "../../lib/dockerfile/index.ts";
import { quote } from "../../lib/dockerfile/index.ts";
import type { Checks } from "./checks.ts";
import type { Dockerfile } from "./stages.ts";

/** The checks that need only what is written (BuildKit's `instructions/parse.go` and `validations.go`). */
export function checkText(dockerfile: Dockerfile, checks: Checks): void {
  for (const line of dockerfile.parsed.emptyContinuations) {
    checks.report("NoEmptyContinuation", { start: line, end: line }, "Empty continuation line");
  }
  const { globals, stages } = dockerfile;
  for (const instruction of [
    ...globals,
    ...stages.flatMap(({ from, instructions }) => [from, ...instructions]),
  ]) {
    checkInstruction(instruction, checks.under(instruction.source.comments));
  }
  checkStageNames(
    stages.map(({ from }) => from),
    checks,
  );
  checkCasing(
    stages.flatMap(({ from, instructions }) => [from, ...instructions]),
    checks,
  );
}

function checkInstruction(instruction: Instruction, checks: Checks): void {
  const { lines } = instruction.source;
  if (instruction.name === "MAINTAINER") {
    checks.report(
      "MaintainerDeprecated",
      lines,
      "Maintainer instruction is deprecated in favor of using label",
    );
  } else if (instruction.name === "FROM") {
    checkFrom(instruction, checks);
    if (instruction.stage !== "") checkDescription("FROM", [instruction.stage], instruction, checks);
  } else if (instruction.name === "ARG") {
    checkDescription(
      "ARG",
      instruction.args.map(({ name }) => name),
      instruction,
      checks,
    );
  }
}

const isLower = (text: string) => text === text.toLowerCase();
const isUpper = (text: string) => text === text.toUpperCase();

function checkFrom({ source }: FromInstruction, checks: Checks): void {
  const [, as, stage] = source.arguments;
  if (as === undefined || stage === undefined) return;
  if (!isLower(stage)) {
    checks.report("StageNameCasing", source.lines, `Stage name '${stage}' should be lowercase`);
  }
  const { keyword } = source;
  const matches = isLower(keyword) ? isLower(as) : !isUpper(keyword) || isUpper(as);
  if (!matches) {
    checks.report("FromAsCasing", source.lines, `'${as}' and '${keyword}' keywords' casing do not match`);
  }
}

function checkDescription(
  name: string,
  defined: readonly string[],
  { source }: Instruction,
  checks: Checks,
): void {
  const word = source.comments.at(-1)?.split(" ", 1)[0];
  if (word === undefined || defined.includes(word)) return;
  const example = defined.length > 1 ? "<arg_key>" : defined[0];
  checks.report(
    "InvalidDefinitionDescription",
    source.lines,
    `Comment for ${name} should follow the format: \`# ${example} <description>\``,
  );
}

const RESERVED = new Set(["context", "scratch"]);

function checkStageNames(stages: readonly FromInstruction[], checks: Checks): void {
  const seen = new Set<string>();
  for (const { stage, source } of stages) {
    if (stage === "") continue;
    if (RESERVED.has(stage)) {
      checks.report(
        "ReservedStageName",
        source.lines,
        `Stage name should not use the same name as reserved stage ${quote(stage)}`,
      );
    }
    if (seen.has(stage)) {
      const message = `Duplicate stage name ${quote(stage)}, stage names should be unique`;
      checks.report("DuplicateStageName", source.lines, message);
    }
    seen.add(stage);
  }
}

/** Instructions are all in upper or all in lower case; upper wins where there are as many of both. */
function checkCasing(instructions: readonly Instruction[], checks: Checks): void {
  const keywords = instructions.map(({ source }) => source.keyword);
  const wantsLower = keywords.filter(isLower).length > keywords.filter(isUpper).length;
  for (const { source } of instructions) {
    if (wantsLower ? isLower(source.keyword) : isUpper(source.keyword)) continue;
    const message = `Command '${source.keyword}' should match the case of the command majority (${wantsLower ? "lowercase" : "uppercase"})`;
    checks.report("ConsistentInstructionCasing", source.lines, message);
  }
}

const SECRET = /(?:_|^)(?:apikey|auth|credential|credentials|key|password|pword|passwd|secret|token)(?:_|$)/i;
const NO_SECRET = /(?:_|^)(?:public|file|version)(?:_|$)/i;

/** Whether a variable's name says that its value is nobody else's business. */
export function isSecretName(key: string): boolean {
  return SECRET.test(key) && !NO_SECRET.test(key);
}

/** Names that promise a secret: it would stay in the image for everybody to read. */
export function checkSecretName(
  name: "ARG" | "ENV",
  key: string,
  source: Instruction["source"],
  checks: Checks,
): void {
  if (!isSecretName(key)) return;
  const message = `Do not use ARG or ENV instructions for sensitive data (${name} ${quote(key)})`;
  checks.report("SecretsUsedInArgOrEnv", source.lines, message);
}
