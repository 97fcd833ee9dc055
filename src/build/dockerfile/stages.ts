import {
  type ArgInstruction,
  type FromInstruction,
  type Instruction,
  type ParsedDockerfile,
  parseDockerfile,
  statementError,
  typedInstruction,
} from "../../lib/dockerfile/index.ts";

/** A stage as written: `FROM`, and what follows it. */
export interface StageText {
  readonly from: FromInstruction;
  readonly instructions: readonly Exclude<Instruction, FromInstruction>[];
}

/** A Dockerfile with all its instructions checked. */
export interface Dockerfile {
  readonly parsed: ParsedDockerfile;
  /** `ARG`s before the first `FROM`. */
  readonly globals: readonly ArgInstruction[];
  /** At least one. */
  readonly stages: readonly StageText[];
}

/**
 * Reads a Dockerfile and its stages (BuildKit's `instructions.Parse`).
 * @throws DockerfileError
 */
export function readDockerfile(text: string): Dockerfile {
  const parsed = parseDockerfile(text);
  const globals: ArgInstruction[] = [];
  const stages: { from: FromInstruction; instructions: Exclude<Instruction, FromInstruction>[] }[] = [];
  for (const statement of parsed.statements) {
    const instruction = typedInstruction(statement);
    const current = stages.at(-1);
    if (instruction.name === "FROM") stages.push({ from: instruction, instructions: [] });
    else if (current !== undefined) current.instructions.push(instruction);
    else if (instruction.name === "ARG") globals.push(instruction);
    else throw statementError(statement, "no build stage in current context");
  }
  if (stages.length === 0) {
    throw statementError(parsed.statements.at(-1)!, "dockerfile contains no stages to build");
  }
  return { parsed, globals, stages };
}
