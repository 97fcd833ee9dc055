/** The value of a variable, or `undefined` where it is not set; set to nothing is `""`. */
export type Lookup = (name: string) => string | undefined;

/** One `$…` of a template. */
export interface Reference {
  readonly name: string;
  /** Empty for `$NAME` and `${NAME}`. */
  readonly operator: "" | ":-" | "-" | ":?" | "?" | ":+" | "+";
  /** What stands behind the operator, itself a template. */
  readonly operand: string;
}

/** Text that is neither `$NAME`, `${NAME}`, `${NAME<operator>…}` nor `$$`. */
export class InvalidTemplate extends Error {
  readonly template: string;
  constructor(template: string) {
    super(`invalid interpolation format: "${template}": you may need to escape any $ with another $`);
    this.template = template;
  }
}

/** `${NAME:?why}` of a variable that has no value. */
export class MissingVariable extends Error {
  constructor(name: string, reason: string) {
    super(`required variable ${name} is missing a value${reason === "" ? "" : `: ${reason}`}`);
  }
}

const NAME = /[_a-zA-Z][_a-zA-Z0-9]*/y;
const OPERATOR = /:[-?+]|[-?+]/y;
/** Operands inside operands: each level costs a call. */
const DEEPEST = 50;
/** What one text may grow to: `${A}` twice in A's default, and so on, doubles with every level. */
const LONGEST_RESULT = 1024 * 1024;

/**
 * Puts the values of variables into a template, by the Compose Specification's rules. A `$` before anything but
 * a name, `{` or `$` stays as it is.
 *
 * @param onUnset hears the name of each variable that is not set and has no default: it counts as empty.
 * @throws InvalidTemplate, MissingVariable
 */
export function substitute(
  template: string,
  lookup: Lookup,
  onUnset: (name: string) => void = () => {},
): string {
  return expand(template, (reference, inner) => expansion(reference, lookup, onUnset, inner), 0);
}

/** Every variable that a template names, those inside defaults too. @throws InvalidTemplate */
export function references(template: string): Reference[] {
  const found: Reference[] = [];
  const visit = (text: string, depth: number): string =>
    expand(
      text,
      (reference) => {
        found.push(reference);
        if (reference.operand !== "") visit(reference.operand, depth + 1);
        return "";
      },
      depth,
    );
  visit(template, 0);
  return found;
}

type Resolve = (reference: Reference, inner: (operand: string) => string) => string;

function expand(template: string, resolve: Resolve, depth: number): string {
  let dollar = template.indexOf("$");
  if (dollar === -1) return template;
  if (depth > DEEPEST) throw new InvalidTemplate(template);
  const inner = (operand: string) => expand(operand, resolve, depth + 1);
  let result = "";
  let done = 0;
  while (dollar !== -1) {
    result += template.slice(done, dollar);
    const next = template[dollar + 1];
    if (next === "$") {
      result += "$";
      done = dollar + 2;
    } else if (next === "{") {
      const braced = readBraced(template, dollar);
      result += resolve(braced.reference, inner);
      done = braced.end;
    } else {
      const name = match(NAME, template, dollar + 1);
      result += name === undefined ? "$" : resolve({ name, operator: "", operand: "" }, inner);
      done = dollar + 1 + (name?.length ?? 0);
    }
    if (result.length > LONGEST_RESULT) throw new InvalidTemplate(`${template.slice(0, 60)}…`);
    dollar = template.indexOf("$", done);
  }
  return result + template.slice(done);
}

/** `${…}` from its `$`; `end` is behind its `}`. */
function readBraced(template: string, dollar: number): { reference: Reference; end: number } {
  const name = match(NAME, template, dollar + 2);
  if (name === undefined) throw new InvalidTemplate(template);
  const behindName = dollar + 2 + name.length;
  const operator = match(OPERATOR, template, behindName) as Reference["operator"] | undefined;
  if (operator === undefined) {
    if (template[behindName] !== "}") throw new InvalidTemplate(template);
    return { reference: { name, operator: "", operand: "" }, end: behindName + 1 };
  }
  const start = behindName + operator.length;
  const close = closingBrace(template, start);
  if (close === -1) throw new InvalidTemplate(template);
  return { reference: { name, operator, operand: template.slice(start, close) }, end: close + 1 };
}

/** The `}` that closes the brace opened before `start`; braces inside come in pairs. */
function closingBrace(template: string, start: number): number {
  let open = 1;
  for (let at = start; at < template.length; at++) {
    if (template[at] === "{") open++;
    else if (template[at] === "}" && --open === 0) return at;
  }
  return -1;
}

function match(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}

function expansion(
  { name, operator, operand }: Reference,
  lookup: Lookup,
  onUnset: (name: string) => void,
  inner: (operand: string) => string,
): string {
  const value = lookup(name);
  // With a colon, what is empty counts as not set.
  const given = operator.startsWith(":") ? value !== undefined && value !== "" : value !== undefined;
  switch (operator) {
    case ":-":
    case "-":
      return given ? value! : inner(operand);
    case ":+":
    case "+":
      return given ? inner(operand) : (value ?? "");
    case ":?":
    case "?":
      if (!given) throw new MissingVariable(name, inner(operand));
      return value!;
    default:
      if (value === undefined) onUnset(name);
      return value ?? "";
  }
}
