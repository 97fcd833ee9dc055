/** The parsed form of a template. */
export type Node = TextNode | ActionNode | IfNode | WithNode | RangeNode | BreakNode;

export interface TextNode {
  readonly kind: "text";
  readonly text: string;
}

export interface ActionNode {
  readonly kind: "action";
  readonly pipe: Pipe;
}

interface Branches {
  readonly pipe: Pipe;
  readonly body: readonly Node[];
  readonly otherwise: readonly Node[];
}

export interface IfNode extends Branches {
  readonly kind: "if";
}

export interface WithNode extends Branches {
  readonly kind: "with";
}

export interface RangeNode extends Branches {
  readonly kind: "range";
}

export interface BreakNode {
  readonly kind: "break" | "continue";
}

/** `$a, $b := command | command`. */
export interface Pipe {
  readonly variables: readonly string[];
  /** `=` instead of `:=`. */
  readonly assigns: boolean;
  readonly commands: readonly Command[];
  readonly at: number;
}

export interface Command {
  readonly words: readonly Operand[];
  readonly at: number;
}

export type Operand =
  | { readonly kind: "dot"; readonly at: number }
  | { readonly kind: "nil"; readonly at: number }
  | {
      readonly kind: "constant";
      readonly value: string | number | boolean;
      readonly text: string;
      readonly at: number;
    }
  | { readonly kind: "function"; readonly name: string; readonly at: number }
  | { readonly kind: "field"; readonly names: readonly string[]; readonly at: number }
  | {
      readonly kind: "variable";
      readonly name: string;
      readonly names: readonly string[];
      readonly at: number;
    }
  | { readonly kind: "pipe"; readonly pipe: Pipe; readonly names: readonly string[]; readonly at: number };

/** As Go prints a node in errors: `.Foo.Bar`. */
export function describeOperand(operand: Operand): string {
  switch (operand.kind) {
    case "dot":
      return ".";
    case "nil":
      return "nil";
    case "constant":
      return operand.text;
    case "function":
      return operand.name;
    case "field":
      return operand.names.map((name) => `.${name}`).join("");
    case "variable":
      return operand.name + operand.names.map((name) => `.${name}`).join("");
    case "pipe":
      return `(${describePipe(operand.pipe)})${operand.names.map((name) => `.${name}`).join("")}`;
  }
}

export function describePipe(pipe: Pipe): string {
  const commands = pipe.commands.map(describeCommand).join(" | ");
  if (pipe.variables.length === 0) return commands;
  return `${pipe.variables.join(", ")} ${pipe.assigns ? "=" : ":="} ${commands}`;
}

export function describeCommand(command: Command): string {
  return command.words.map(describeOperand).join(" ");
}
