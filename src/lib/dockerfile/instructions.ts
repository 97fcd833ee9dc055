import { EngineError } from "../errors.ts";
import { INSTRUCTION_NAMES } from "./arguments.ts";
import { commandOf } from "./command.ts";
import { typedAdd, typedCopy } from "./copy.ts";
import type { DockerfileError } from "./error.ts";
import { parseFlags } from "./flags.ts";
import { typedHealthcheck } from "./healthcheck.ts";
import type { CommandLine, Instruction, Pair } from "./instruction.ts";
import { nearest } from "./nearest.ts";
import { parseDockerfile } from "./parse.ts";
import { typedRun } from "./run.ts";
import { argumentError, codeOf, type Statement, statementError } from "./statement.ts";
import { quote, trim } from "./text.ts";

type Typed = (statement: Statement) => Instruction;

const TYPED: Readonly<Record<string, Typed>> = {
  ADD: typedAdd,
  ARG: typedArg,
  CMD: (source) => ({ name: "CMD", source, command: commandWithoutFlags(source) }),
  COPY: typedCopy,
  ENTRYPOINT: (source) => ({ name: "ENTRYPOINT", source, command: commandWithoutFlags(source) }),
  ENV: (source) => ({ name: "ENV", source, pairs: pairsOf(source) }),
  EXPOSE: (source) => ({ name: "EXPOSE", source, ports: [...atLeastOne(source)].sort() }),
  FROM: typedFrom,
  HEALTHCHECK: typedHealthcheck,
  LABEL: (source) => ({ name: "LABEL", source, pairs: pairsOf(source) }),
  MAINTAINER: (source) => ({ name: "MAINTAINER", source, maintainer: exactlyOne(source) }),
  ONBUILD: typedOnbuild,
  RUN: typedRun,
  SHELL: typedShell,
  STOPSIGNAL: (source) => ({ name: "STOPSIGNAL", source, signal: exactlyOne(source) }),
  USER: (source) => ({ name: "USER", source, user: exactlyOne(source) }),
  VOLUME: typedVolume,
  WORKDIR: (source) => ({ name: "WORKDIR", source, path: exactlyOne(source) }),
};

/**
 * What an instruction means, with its flags and arguments checked (BuildKit's `instructions.ParseInstruction`).
 * @throws DockerfileError
 */
export function typedInstruction(statement: Statement): Instruction {
  const name = statement.keyword.toUpperCase();
  if (!Object.hasOwn(TYPED, name)) throw unknownInstruction(statement);
  try {
    return TYPED[name]!(statement);
  } catch (error) {
    if (!(error instanceof EngineError) || "lines" in error) throw error;
    throw statementError(statement, error.message, { offset: statement.argumentsOffset });
  }
}

/** The one instruction that a text is: a trigger that an image keeps. @throws DockerfileError */
export function parseInstruction(text: string): Instruction {
  const { statements } = parseDockerfile(text);
  const first = statements[0]!;
  if (statements.length > 1) throw statementError(first, "onbuild trigger should be a single expression");
  return typedInstruction(first);
}

function unknownInstruction(statement: Statement): DockerfileError {
  const { keyword } = statement;
  const near = nearest(keyword, INSTRUCTION_NAMES, { ignoreCase: true });
  const hint = near === undefined ? "" : ` (did you mean ${inCaseOf(keyword, near)}?)`;
  const offset = Math.max(statement.text.indexOf(keyword), 0);
  const at = { offset, length: keyword.length };
  return statementError(statement, `unknown instruction: ${keyword}${hint}`, at);
}

const inCaseOf = (model: string, name: string) => (model === model.toLowerCase() ? name.toLowerCase() : name);

/** Of an instruction that has no flags. @throws DockerfileError */
function argumentsOnly(statement: Statement): readonly string[] {
  parseFlags(statement, {});
  return statement.arguments;
}

function exactlyOne(statement: Statement): string {
  if (statement.arguments.length !== 1) {
    throw argumentError(statement, `${nameOf(statement)} requires exactly one argument`);
  }
  return argumentsOnly(statement)[0]!;
}

function atLeastOne(statement: Statement): readonly string[] {
  if (statement.arguments.length === 0) {
    throw argumentError(statement, `${nameOf(statement)} requires at least one argument`);
  }
  return argumentsOnly(statement);
}

const nameOf = (statement: Statement) => statement.keyword.toUpperCase();

function pairsOf(statement: Statement): Pair[] {
  const words = argumentsOnly(statement);
  if (words.length === 0) {
    throw argumentError(statement, `${nameOf(statement)} requires at least one argument`);
  }
  const pairs: Pair[] = [];
  for (let at = 0; at < words.length; at += 3) {
    const [name = "", value = "", separator = ""] = words.slice(at, at + 3);
    if (name === "") throw argumentError(statement, `${nameOf(statement)} names can not be blank`);
    pairs.push({ name, value, legacy: separator === "" });
  }
  return pairs;
}

function typedArg(source: Statement): Instruction {
  if (source.arguments.length === 0) throw argumentError(source, "ARG requires at least one argument");
  const args = source.arguments.map((word) => {
    const equals = word.indexOf("=");
    if (equals === 0) throw argumentError(source, "ARG names can not be blank");
    if (equals < 0) return { name: word, value: undefined };
    return { name: word.slice(0, equals), value: word.slice(equals + 1) };
  });
  return { name: "ARG", source, args };
}

function commandWithoutFlags(statement: Statement): CommandLine {
  parseFlags(statement, {});
  return commandOf(statement);
}

const STAGE_NAME = /^[a-z][a-z0-9-_.]*$/;

function typedFrom(source: Statement): Instruction {
  const [base, as, stageName] = source.arguments;
  const isNamed = source.arguments.length === 3 && as!.toLowerCase() === "as";
  if (base === undefined || (source.arguments.length !== 1 && !isNamed)) {
    throw argumentError(source, "FROM requires either one or three arguments");
  }
  const stage = stageName?.toLowerCase() ?? "";
  if (isNamed && !STAGE_NAME.test(stage)) {
    throw argumentError(
      source,
      `invalid name for build stage: ${quote(stageName!)}, name can't start with a number or contain symbols`,
    );
  }
  const flags = parseFlags(source, { platform: "text" });
  return { name: "FROM", source, base, stage, platform: flags.text("platform") ?? "" };
}

function typedOnbuild(source: Statement): Instruction {
  const trigger = atLeastOne(source)[0]!.toUpperCase();
  if (trigger === "ONBUILD") {
    throw argumentError(source, "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
  }
  if (trigger === "MAINTAINER" || trigger === "FROM") {
    throw argumentError(source, `${trigger} isn't allowed as an ONBUILD trigger`);
  }
  const heredocs = source.heredocs.map(({ content, name }) => `\n${content}${name}`);
  const expression = codeOf(source).replace(/^ONBUILD\s*/i, "") + heredocs.join("");
  return { name: "ONBUILD", source, expression };
}

function typedShell(source: Statement): Instruction {
  const shell = argumentsOnly(source);
  if (shell.length === 0) throw argumentError(source, "SHELL requires at least one argument");
  if (!source.json) {
    throw argumentError(source, `SHELL requires the arguments to be in JSON form`);
  }
  return { name: "SHELL", source, shell };
}

function typedVolume(source: Statement): Instruction {
  const volumes = atLeastOne(source).map(trim);
  if (volumes.includes("")) throw argumentError(source, "VOLUME specified can not be an empty string");
  return { name: "VOLUME", source, volumes };
}
