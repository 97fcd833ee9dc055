import {
  type FlagRules,
  type ListRules,
  type MapRules,
  type NumberRules,
  type Rules,
  rulesOf,
  type StructRules,
  type StructShort,
  type TextRules,
  type TSchema,
} from "../../model/schema.ts";
import { below, type Problem } from "../problem.ts";
import { longSyntax } from "../short/fields.ts";
import { parsePorts } from "../short/ports.ts";
import { parseBytes } from "../units/bytes.ts";
import { parseDuration } from "../units/duration.ts";
import { asText } from "../units/number.ts";
import { splitCommand } from "../units/shell-words.ts";
import {
  child,
  describeKind,
  type Entry,
  isNull,
  type Mapping,
  type Node,
  type Place,
  type Scalar,
  type ScalarValue,
  scalar,
  sequence,
  textOf,
  withValues,
} from "../yaml/node.ts";
import { distinct } from "./distinct.ts";
import { didYouMean } from "./nearest.ts";
import { shapeHosts, shapeKeys, shapePairs } from "./pairs.ts";
import { fieldsToNode } from "./to-node.ts";

/** What goes along while a file is checked. */
export interface Shaping {
  /** Everything found wrong; the shaping goes on behind each. */
  readonly problems: Problem[];
  /**
   * Variables were left in: a text with a `$` is let through wherever it stands, and what is checked stays as it is written,
   * but for short syntaxes that can be read.
   */
  readonly uninterpolated: boolean;
}

/**
 * Checks a value against its description and brings it into canonical form: long syntaxes, texts turned into the
 * numbers and booleans that they mean. Fields that are missing are not looked at: another file may give them. What is
 * wrong is added to `problems`, with its place and what was expected.
 */
export function shape(node: Node, schema: TSchema, path: string, shaping: Shaping): Node {
  return new Shaper(shaping).shape(node, schema, path);
}

const FLAG_WORDS: Readonly<Record<string, boolean>> = {
  true: true,
  y: true,
  yes: true,
  on: true,
  false: false,
  n: false,
  no: false,
  off: false,
};

/** Values whose form says nothing new: a number as a text, a command as a line, variables as a list. */
function staysAsWritten(rules: Rules): boolean {
  if (rules.kind === "pairs") return rules.valuePath === undefined;
  return !["struct", "map", "list", "keys", "external"].includes(rules.kind);
}

/** With what Docker Compose adds at once to a short syntax that it has read. */
function withDefaults(short: StructShort, fields: Readonly<Record<string, unknown>>): object {
  if (short === "env-file") return { ...fields, required: true };
  if (fields["type"] !== "bind") return fields;
  return { ...fields, bind: { create_host_path: true, ...(fields["bind"] as object | undefined) } };
}

/** Lists of which Docker Compose makes a list at once, where one text stands for them. */
const SOON_LISTS = /\.(dns|label_file|env_file)$|^include\b|\.watch\[\d+\]\.(ignore|include)$/;
/** Flags that are texts for Docker Compose. */
const SOON_TEXTS = /\.build\.(provenance|sbom)$/;

class Shaper {
  readonly #shaping: Shaping;

  constructor(shaping: Shaping) {
    this.#shaping = shaping;
  }

  /** Keeps the value's mark; what is taken away is not looked at. */
  shape(node: Node, schema: TSchema, path: string): Node {
    if (node.mark === "reset") return node;
    const checked = this.#shape(node, schema, path);
    const shaped =
      this.#shaping.uninterpolated && staysAsWritten(rulesOf(schema)) && !SOON_TEXTS.test(path)
        ? node
        : checked;
    return node.mark === undefined || shaped.mark === node.mark ? shaped : { ...shaped, mark: node.mark };
  }

  #shape(node: Node, schema: TSchema, path: string): Node {
    const rules = rulesOf(schema);
    if (rules.kind !== "text" && rules.kind !== "struct" && this.#mayBeAnything(node)) return node;
    switch (rules.kind) {
      case "struct":
        return this.#struct(node, rules, path);
      case "map":
        return this.#map(node, rules, path);
      case "list":
        return this.#list(node, rules, path);
      case "pairs":
        return shapePairs(node, rules, path, this.#fail);
      case "hosts":
        return shapeHosts(node, path, this.#fail);
      case "keys":
        return shapeKeys(node, path, this.#fail);
      case "text":
        return this.#text(node, rules, path);
      case "anyText":
        if (node.kind === "scalar" && node.value !== null) return asText(node);
        return this.#expected(node, path, "a string, number or boolean");
      case "flag":
        return this.#flag(node, rules, path);
      case "integer":
      case "decimal":
        return this.#number(node, rules, path);
      case "command":
        return this.#command(node, path);
      case "external":
        return this.#external(node, path);
      default:
        return this.#unit(node, rules.kind, path);
    }
  }

  readonly #fail = (node: Node, path: string, message: string): Node => {
    this.#shaping.problems.push({ path, message, at: node.at });
    return scalar(null, node.at);
  };

  #expected(node: Node, path: string, wanted: string): Node {
    const shown =
      node.kind === "scalar" && typeof node.value === "string"
        ? `"${node.value.length > 40 ? `${node.value.slice(0, 40)}…` : node.value}"`
        : describeKind(node);
    return this.#fail(node, path, `${wanted} was expected, not ${shown}`);
  }

  /** A text with a variable left in it may come to mean any value. */
  #mayBeAnything(node: Node): boolean {
    return this.#shaping.uninterpolated && textOf(node)?.includes("$") === true;
  }

  #struct(node: Node, rules: StructRules, path: string): Node {
    if (rules.nullable && isNull(node)) return node;
    if (this.#shaping.uninterpolated && rules.short === "ulimit" && node.kind === "scalar") return node;
    const long = rules.short === undefined ? node : this.#long(node, rules.short, path);
    if (long === undefined) return scalar(null, node.at);
    if (long.kind !== "mapping") {
      if (this.#mayBeAnything(long)) return long;
      const orShort =
        rules.short === undefined ? "" : rules.short === "ulimit" ? "a number or " : "a string or ";
      return this.#expected(node, path, `${orShort}a mapping`);
    }
    // What a short syntax stands for is canonical, but for the path of `include`, which is a list.
    if (long !== node && rules.short !== "include") return long;
    const shaped = withValues(long, (key, value, at) => {
      const schema = Object.hasOwn(rules.properties, key) ? rules.properties[key] : undefined;
      if (schema !== undefined && !rulesOf(schema).internal)
        return this.shape(value, schema, below(path, key));
      if (!rules.extensions || !key.startsWith("x-")) this.#unknown(key, at, rules, path);
      return value;
    });
    return Object.hasOwn(rules.properties, "external") ? this.#externalName(long, shaped, path) : shaped;
  }

  /** The long syntax of what may be short; `undefined`: the short one is wrong, and that is noted. */
  #long(node: Node, short: NonNullable<StructRules["short"]>, path: string): Node | undefined {
    if (node.kind !== "scalar" || (typeof node.value !== "string" && typeof node.value !== "number"))
      return node;
    try {
      const fields = longSyntax(short, node.value);
      if (fields !== undefined && this.#shaping.uninterpolated)
        return fieldsToNode(withDefaults(short, fields), node.at);
      return fields === undefined ? node : fieldsToNode(fields, node.at);
    } catch (error) {
      if (this.#mayBeAnything(node)) return node;
      this.#fail(node, path, (error as Error).message);
      return undefined;
    }
  }

  #unknown(key: string, at: Place, rules: StructRules, path: string): void {
    const known = Object.keys(rules.properties).filter((name) => !rulesOf(rules.properties[name]!).internal);
    const message = `unknown attribute${didYouMean(key, known)}`;
    this.#shaping.problems.push({ path: below(path, key), message, at });
  }

  /** `external: {name: x}`, the old way of `external: true` and `name: x`. */
  #externalName(written: Mapping, shaped: Mapping, path: string): Node {
    const old = child(child(written, "external"), "name");
    if (old === undefined) return shaped;
    const name = child(shaped, "name");
    if (name !== undefined && textOf(name) !== textOf(old)) {
      return this.#fail(old, path, "name and external.name conflict; only use name");
    }
    const entries = new Map(shaped.entries);
    entries.set("name", { at: old.at, value: old });
    return { ...shaped, entries };
  }

  #map(node: Node, rules: MapRules, path: string): Node {
    if (rules.nullable && isNull(node)) return node;
    const long = rules.fromList === undefined ? node : this.#namesToMapping(node, rules.fromList, path);
    if (long.kind !== "mapping") {
      if (long !== node) return long;
      return this.#expected(node, path, rules.fromList === undefined ? "a mapping" : "a list or a mapping");
    }
    return withValues(long, (key, value, at) => {
      if (!rules.names.test(key)) {
        const message = `a name of letters, digits, ".", "_" and "-" was expected`;
        this.#shaping.problems.push({ path: below(path, key), message, at });
      }
      return this.shape(value, rules.values, below(path, key));
    });
  }

  #namesToMapping(node: Node, fromList: "null" | "dependency", path: string): Node {
    if (node.kind !== "sequence") return node;
    const entries = new Map<string, Entry>();
    for (const [index, item] of node.items.entries()) {
      const name = textOf(item);
      if (name === undefined) return this.#expected(item, below(path, index), "a name");
      const value =
        fromList === "null"
          ? scalar(null, item.at)
          : fieldsToNode({ condition: "service_started", required: true }, item.at);
      entries.set(name, { at: item.at, value });
    }
    return { kind: "mapping", entries, at: node.at };
  }

  #list(node: Node, rules: ListRules, path: string): Node {
    const { uninterpolated } = this.#shaping;
    if (rules.short === "gpus" && textOf(node) === "all") {
      return sequence([fieldsToNode({ count: uninterpolated ? "all" : -1 }, node.at)], node.at);
    }
    if (node.kind !== "sequence") {
      if (!rules.lone || node.kind !== "scalar" || node.value === null) {
        return this.#expected(node, path, rules.lone ? "a string or a list" : "a list");
      }
      const item = this.shape(node, rules.items, path);
      return uninterpolated && !SOON_LISTS.test(path) ? node : sequence([item], node.at);
    }
    const items =
      rules.short === "ports"
        ? this.#portList(node.items, rules, path)
        : node.items.map((item, index) => this.shape(item, rules.items, below(path, index)));
    const kept = items.filter((item) => item.mark !== "reset");
    return { ...node, items: rules.unique === undefined ? kept : distinct(kept, rules.unique) };
  }

  #portList(items: readonly Node[], rules: ListRules, path: string): Node[] {
    const areLeft = this.#shaping.uninterpolated && !items.every(isReadablePort);
    return items.flatMap((item, index) => {
      if (areLeft && item.kind === "scalar") return [item];
      const itemPath = below(path, index);
      return this.#ports(item, itemPath) ?? [this.shape(item, rules.items, itemPath)];
    });
  }

  #ports(node: Node, path: string): Node[] | undefined {
    if (node.kind !== "scalar") return undefined;
    if (this.#mayBeAnything(node)) return undefined;
    if (typeof node.value !== "string" && typeof node.value !== "number") return undefined;
    try {
      return parsePorts(String(node.value)).map((port) => fieldsToNode(port, node.at));
    } catch (error) {
      this.#fail(node, path, (error as Error).message);
      return [];
    }
  }

  #text(node: Node, rules: TextRules, path: string): Node {
    if (rules.nullable && isNull(node)) return node;
    const text = textOf(node);
    const wanted = rules.words?.join(", ");
    if (text === undefined)
      return this.#expected(node, path, wanted === undefined ? "a string" : `one of ${wanted}`);
    if (this.#mayBeAnything(node)) return node;
    if (rules.words !== undefined && !rules.words.includes(text)) {
      return this.#expected(node, path, `one of ${wanted}`);
    }
    if (rules.pattern !== undefined && !rules.pattern.test(text)) {
      return this.#expected(node, path, `a string of the form ${rules.pattern.source}`);
    }
    return node;
  }

  #flag(node: Node, rules: FlagRules, path: string): Node {
    if (node.kind === "scalar" && typeof node.value === "boolean") return node;
    const word = rules.strict ? undefined : textOf(node)?.toLowerCase();
    const value = word !== undefined && Object.hasOwn(FLAG_WORDS, word) ? FLAG_WORDS[word] : undefined;
    return value === undefined ? this.#expected(node, path, "true or false") : { ...(node as Scalar), value };
  }

  #number(node: Node, rules: NumberRules, path: string): Node {
    const wanted = rules.kind === "integer" ? "a whole number" : "a number";
    const value = rules.strict && textOf(node) !== undefined ? undefined : numberOf(node);
    if (value === undefined || (rules.kind === "integer" && !Number.isInteger(value))) {
      return this.#expected(node, path, wanted);
    }
    const { minimum = -Infinity, maximum = Infinity } = rules;
    if (value < minimum || value > maximum) {
      const range = maximum === Infinity ? `${minimum} or more` : `${minimum} to ${maximum}`;
      return this.#fail(node, path, `${wanted}, ${range}, was expected, not ${value}`);
    }
    return { ...(node as Scalar), value };
  }

  #unit(node: Node, kind: "bytes" | "duration" | "mode" | "count" | "test", path: string): Node {
    if (kind === "test") return this.#healthTest(node, path);
    const [value, wanted] = readUnit(node, kind);
    return value === undefined ? this.#expected(node, path, wanted) : scalar(value, node.at);
  }

  #command(node: Node, path: string): Node {
    if (isNull(node)) return node;
    const line = textOf(node);
    if (line === undefined) return this.#texts(node, path, "a string or a list of strings");
    const words = splitCommand(line);
    if (words === undefined)
      return this.#fail(node, path, "invalid command line string: a quote is left open");
    return sequence(
      words.map((word) => scalar(word, node.at)),
      node.at,
    );
  }

  #healthTest(node: Node, path: string): Node {
    const line = textOf(node);
    if (line === undefined) return this.#texts(node, path, "a string or a list of strings");
    return sequence([scalar("CMD-SHELL", node.at), node], node.at);
  }

  #texts(node: Node, path: string, wanted: string): Node {
    if (node.kind !== "sequence") return this.#expected(node, path, wanted);
    for (const [index, item] of node.items.entries()) {
      if (textOf(item) === undefined) this.#expected(item, below(path, index), "a string");
    }
    return node;
  }

  #external(node: Node, path: string): Node {
    if (node.kind !== "mapping") return this.#flag(node, { kind: "flag" }, path);
    for (const [key, entry] of node.entries) {
      if (key === "name" && textOf(entry.value) === undefined) {
        this.#expected(entry.value, below(path, key), "a string");
      } else if (key !== "name" && !key.startsWith("x-")) {
        const message = `unknown attribute${didYouMean(key, ["name"])}`;
        this.#shaping.problems.push({ path: below(path, key), message, at: entry.at });
      }
    }
    return scalar(true, node.at);
  }
}

/** One that cannot be read, because of a variable, leaves the whole list short. */
function isReadablePort(node: Node): boolean {
  if (node.kind !== "scalar") return true;
  try {
    return parsePorts(String(node.value)).length > 0;
  } catch {
    return false;
  }
}

function numberOf(node: Node): number | undefined {
  if (node.kind !== "scalar") return undefined;
  if (typeof node.value === "number") return node.value;
  if (typeof node.value === "bigint") return Number(node.value);
  const text = textOf(node);
  return text !== undefined && /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(text) ? Number(text) : undefined;
}

function readUnit(
  node: Node,
  kind: "bytes" | "duration" | "mode" | "count",
): [ScalarValue | undefined, string] {
  const text = textOf(node);
  const whole = (value: number | undefined) => (Number.isInteger(value) ? value : undefined);
  switch (kind) {
    case "bytes":
      return [text === undefined ? whole(numberOf(node)) : parseBytes(text), "a size such as 64m"];
    case "duration":
      return [text === undefined ? undefined : parseDuration(text), "a duration such as 1m30s"];
    case "mode": {
      const octal =
        text !== undefined && /^(0o?)?[0-7]+$/.test(text)
          ? Number.parseInt(text.replace("o", ""), 8)
          : undefined;
      return [text === undefined ? whole(numberOf(node)) : octal, "a file mode such as 0440"];
    }
    case "count":
      return [text?.toLowerCase() === "all" ? -1 : whole(numberOf(node)), `"all" or a whole number`];
  }
}
