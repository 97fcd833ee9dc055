import { execute, type Origin } from "./evaluator.ts";
import { FUNCTIONS, HEADER_FUNCTIONS } from "./functions.ts";
import type { Node } from "./nodes.ts";
import { parseTemplate } from "./parser.ts";
import type { Value } from "./values.ts";

export { TemplateError } from "./errors.ts";
export { fromJson } from "./from-json.ts";
export { Methods, type MethodTable, methods, toJson, type Value } from "./values.ts";

const NAMES: ReadonlySet<string> = new Set(FUNCTIONS.keys());

/** A template in the language of Go's `text/template`, with the functions of Docker's `--format`. */
export class Template {
  readonly #nodes: readonly Node[];
  readonly #origin: Origin;

  /** @throws TemplateError */
  constructor(source: string, name = "") {
    this.#origin = { source, name };
    this.#nodes = parseTemplate(source, name, NAMES);
  }

  /** @throws TemplateError where the data has not what the template asks for. */
  execute(data: Value): string {
    return execute(this.#nodes, data, FUNCTIONS, this.#origin);
  }

  /** The head of a table: `data` holds the columns' titles, which functions leave as they are. */
  executeHeader(data: Value): string {
    return execute(this.#nodes, data, HEADER_FUNCTIONS, this.#origin);
  }
}
