import { TemplateError } from "./errors.ts";
import type { TemplateFunctions } from "./functions.ts";
import {
  type Command,
  describeCommand,
  describeOperand,
  describePipe,
  type Node,
  type Operand,
  type Pipe,
  type RangeNode,
} from "./nodes.ts";
import { isTrue, Methods, show, sortedEntries, typeName, type Value } from "./values.ts";

/** Where a template came from, for errors. */
export interface Origin {
  readonly source: string;
  readonly name: string;
}

/** Executes a parsed template. @throws TemplateError with the message that Go gives. */
export function execute(
  nodes: readonly Node[],
  data: Value,
  functions: TemplateFunctions,
  origin: Origin,
): string {
  const evaluator = new Evaluator(data, functions, origin);
  evaluator.walk(nodes, data);
  return evaluator.output;
}

type Flow = "next" | "break" | "continue";

class Evaluator {
  output = "";
  readonly #functions: TemplateFunctions;
  readonly #origin: Origin;
  readonly #variables: { name: string; value: Value }[];

  constructor(data: Value, functions: TemplateFunctions, origin: Origin) {
    this.#functions = functions;
    this.#origin = origin;
    this.#variables = [{ name: "$", value: data }];
  }

  walk(nodes: readonly Node[], dot: Value): Flow {
    for (const node of nodes) {
      const flow = this.#walkNode(node, dot);
      if (flow !== "next") return flow;
    }
    return "next";
  }

  #walkNode(node: Node, dot: Value): Flow {
    switch (node.kind) {
      case "text":
        this.output += node.text;
        return "next";
      case "action": {
        const value = this.#pipe(node.pipe, dot);
        if (node.pipe.variables.length === 0) this.output += show(value);
        return "next";
      }
      case "if":
      case "with":
        return this.#scoped(() => {
          const value = this.#pipe(node.pipe, dot);
          const inner = node.kind === "with" ? value : dot;
          return isTrue(value) ? this.walk(node.body, inner) : this.walk(node.otherwise, dot);
        });
      case "range":
        return this.#scoped(() => this.#range(node, dot));
      default:
        return node.kind;
    }
  }

  /** Variables declared inside are gone afterwards. */
  #scoped(work: () => Flow): Flow {
    const known = this.#variables.length;
    const flow = work();
    this.#variables.length = known;
    return flow;
  }

  #range(node: RangeNode, dot: Value): Flow {
    const value = this.#evaluate(node.pipe, dot);
    const entries = this.#entries(value, node.pipe);
    if (entries.length === 0) return this.walk(node.otherwise, dot);
    for (const [key, each] of entries) {
      const known = this.#variables.length;
      this.#bindRange(node.pipe, key, each);
      const flow = this.walk(node.body, each);
      this.#variables.length = known;
      if (flow === "break") break;
    }
    return "next";
  }

  #entries(value: Value, pipe: Pipe): readonly (readonly [Value, Value])[] {
    if (value === undefined || value === null) return [];
    if (Array.isArray(value)) return [...value.entries()];
    if (value instanceof Map) return sortedEntries(value);
    if (typeof value === "number")
      return Array.from({ length: Math.max(0, value) }, (_, index) => [index, index]);
    throw this.#error(pipe.at, describePipe(pipe), `range can't iterate over ${show(value)}`);
  }

  /** One variable takes the element, two take key and element. */
  #bindRange(pipe: Pipe, key: Value, each: Value): void {
    const [first, second] = pipe.variables;
    if (first === undefined) return;
    const pairs: [string, Value][] =
      second === undefined
        ? [[first, each]]
        : [
            [first, key],
            [second, each],
          ];
    for (const [name, value] of pairs) this.#bind(name, value, pipe.assigns);
  }

  #bind(name: string, value: Value, assigns: boolean): void {
    const known = assigns ? this.#variables.findLast((variable) => variable.name === name) : undefined;
    if (known !== undefined) known.value = value;
    else this.#variables.push({ name, value });
  }

  /** A pipeline's value, which its variable takes. */
  #pipe(pipe: Pipe, dot: Value): Value {
    const value = this.#evaluate(pipe, dot);
    const [name] = pipe.variables;
    if (name !== undefined) this.#bind(name, value, pipe.assigns);
    return value;
  }

  #evaluate(pipe: Pipe, dot: Value): Value {
    let value: Value;
    let isFirst = true;
    for (const command of pipe.commands) {
      value = this.#command(command, dot, isFirst ? [] : [value]);
      isFirst = false;
    }
    return value;
  }

  /** @param piped the value of the command before, which becomes the last argument. */
  #command(command: Command, dot: Value, piped: readonly Value[]): Value {
    const [first, ...rest] = command.words;
    if (first!.kind === "function") return this.#call(first!.name, command, rest, dot, piped);
    const takesArguments = first!.kind === "field" || first!.kind === "variable" || first!.kind === "pipe";
    if (!takesArguments && (rest.length > 0 || piped.length > 0)) {
      throw this.#error(
        first!.at,
        describeOperand(first!),
        `can't give argument to non-function ${describeOperand(first!)}`,
      );
    }
    const args = () => [...rest.map((operand) => this.#operand(operand, dot)), ...piped];
    return this.#operand(first!, dot, rest.length + piped.length > 0 ? args : undefined);
  }

  #call(
    name: string,
    command: Command,
    words: readonly Operand[],
    dot: Value,
    piped: readonly Value[],
  ): Value {
    // Only these two look at as many arguments as they need.
    if (name === "and" || name === "or") return this.#shortCircuit(name, command, words, dot, piped);
    const args = [...words.map((operand) => this.#operand(operand, dot)), ...piped];
    try {
      return this.#functions.get(name)!(...args);
    } catch (error) {
      if (error instanceof RangeError) throw error;
      const at = command.words[0]!.at;
      throw this.#error(at, describeCommand(command), `error calling ${name}: ${(error as Error).message}`);
    }
  }

  #shortCircuit(
    name: "and" | "or",
    command: Command,
    words: readonly Operand[],
    dot: Value,
    piped: readonly Value[],
  ): Value {
    const args = [
      ...words.map((operand) => () => this.#operand(operand, dot)),
      ...piped.map((value) => () => value),
    ];
    if (args.length === 0) {
      throw this.#error(command.at, name, `wrong number of args for ${name}: want at least 1 got 0`);
    }
    let value: Value;
    for (const arg of args) {
      value = arg();
      if (isTrue(value) === (name === "or")) return value;
    }
    return value;
  }

  #operand(operand: Operand, dot: Value, args?: () => readonly Value[]): Value {
    switch (operand.kind) {
      case "dot":
        return dot;
      case "nil":
        return null;
      case "constant":
        return operand.value;
      case "function":
        return this.#call(operand.name, { words: [operand], at: operand.at }, [], dot, []);
      case "field":
        return this.#fields(dot, operand.names, operand, args);
      case "variable": {
        const value = this.#variables.findLast(({ name }) => name === operand.name)?.value;
        return this.#fields(value, operand.names, operand, args);
      }
      case "pipe":
        return this.#fields(this.#evaluate(operand.pipe, dot), operand.names, operand, args);
    }
  }

  #fields(start: Value, names: readonly string[], operand: Operand, args?: () => readonly Value[]): Value {
    let value = start;
    for (const [index, name] of names.entries()) {
      value = this.#field(value, name, operand, index === names.length - 1 ? args : undefined);
    }
    if (names.length === 0 && args !== undefined) {
      throw this.#error(
        operand.at,
        describeOperand(operand),
        `can't give argument to non-function ${describeOperand(operand)}`,
      );
    }
    return value;
  }

  #field(value: Value, name: string, operand: Operand, args?: () => readonly Value[]): Value {
    const where = describeOperand(operand);
    if (value instanceof Methods) {
      if (!value.has(name))
        throw this.#error(operand.at, where, `can't evaluate field ${name} in type ${value.typeName}`);
      return value.call(name, args?.() ?? []);
    }
    if (args !== undefined) throw this.#error(operand.at, where, `${name} is not a method but has arguments`);
    // An absent entry of a map prints as "<no value>", an absent field of a struct is a mistake.
    if (value instanceof Map) return value.get(name);
    if (value === null || value === undefined) {
      throw this.#error(operand.at, where, `nil data; no entry for key ${JSON.stringify(name)}`);
    }
    if (typeof value !== "object" || Array.isArray(value)) {
      throw this.#error(operand.at, where, `can't evaluate field ${name} in type ${typeName(value)}`);
    }
    if (!Object.hasOwn(value, name)) {
      throw this.#error(operand.at, where, `map has no entry for key ${JSON.stringify(name)}`);
    }
    return (value as Readonly<Record<string, Value>>)[name];
  }

  #error(at: number, what: string, message: string): TemplateError {
    const { source, name } = this.#origin;
    const before = source.slice(0, at);
    const line = before.split("\n").length;
    const column = at - (before.lastIndexOf("\n") + 1);
    const shown = what.length > 20 ? `${what.slice(0, 20)}...` : what;
    return new TemplateError(
      `template: ${name}:${line}:${column}: executing ${JSON.stringify(name)} at <${shown}>: ${message}`,
    );
  }
}
