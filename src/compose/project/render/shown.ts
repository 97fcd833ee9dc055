import { type Common, type Rules, rulesOf, type StructRules, type TSchema } from "../../model/schema.ts";
import { formatDuration } from "../units/duration.ts";
import { formatFloat32 } from "../units/number.ts";

/** A number whose digits are already chosen. */
export class Digits {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** What is printed: mappings keep the order of their keys. */
export type Shown =
  | string
  | number
  | bigint
  | boolean
  | null
  | Digits
  | readonly Shown[]
  | ReadonlyMap<string, Shown>;

/** YAML and JSON differ in what they leave out, and in the order of free keys. */
export type Format = "yaml" | "json";

/** How the keys of a free mapping are ordered. */
export type KeyOrder = (a: string, b: string) => number;

const known = new WeakMap<StructRules, ReadonlyMap<string, number>>();

/** Which of its fields comes how far behind the first. */
function placesOf(rules: StructRules): ReadonlyMap<string, number> {
  let places = known.get(rules);
  if (places === undefined) {
    places = new Map(Object.keys(rules.properties).map((name, index) => [name, index]));
    known.set(rules, places);
  }
  return places;
}

/**
 * A value in canonical form as Docker Compose prints it: fields in their order, what is empty left out, quantities as text.
 */
export class Presenter {
  readonly #format: Format;
  readonly #order: KeyOrder;

  constructor(format: Format, order: KeyOrder) {
    this.#format = format;
    this.#order = order;
  }

  show(value: unknown, schema: TSchema): Shown {
    const rules = rulesOf(schema);
    if (value === null || value === undefined) return null;
    // A text, or what has variables left in it.
    if (typeof value === "string") return value;
    switch (rules.kind) {
      case "struct":
        return this.struct(value as Record<string, unknown>, schema);
      case "map":
        return this.#sorted(value as Record<string, unknown>, (one) => this.show(one, rules.values));
      case "list":
        return (value as unknown[]).map((item) => this.show(item, rules.items));
      case "pairs":
        return this.#sorted(value as Record<string, unknown>, (one) => one as Shown);
      case "hosts":
        return Object.entries(value as Record<string, string[]>)
          .flatMap(([host, addresses]) => addresses.map((address) => `${host}=${address}`))
          .sort();
      case "keys":
        return this.#keys(value as Record<string, string | null>);
      case "duration":
        return formatDuration(value as number);
      case "bytes":
        return String(BigInt(Math.trunc(value as number)));
      case "mode":
        return `0${(value as number).toString(8)}`;
      case "decimal":
        return this.#decimal(value as number);
      default:
        return value as Shown;
    }
  }

  /** @param value a mapping with the fields of `schema` */
  struct(value: Record<string, unknown>, schema: TSchema): Shown {
    const rules = rulesOf(schema);
    if (rules.kind !== "struct") return this.show(value, schema);
    if (rules.short === "ulimit") return this.#ulimit(value);
    const shown = new Map<string, Shown>();
    const places = placesOf(rules);
    const names = Object.keys(value);
    const fields = names.filter((name) => places.has(name));
    for (const name of this.#ordered(fields, places)) {
      const property = rules.properties[name]!;
      const own = rulesOf(property);
      const field = value[name];
      if (own.internal || this.#leftOut(field, property)) continue;
      const key = this.#format === "json" ? (own.jsonName ?? name) : name;
      const always = own.always === true && field === undefined ? {} : field;
      const text = this.show(always, property);
      if (this.#mayBeEmpty(own) || !this.#isEmpty(text)) shown.set(key, text);
    }
    if (this.#format === "yaml" && fields.length < names.length) this.extensions(value, shown);
    return shown;
  }

  /** Fields in their order. YAML shows none that is not there; JSON has some. */
  #ordered(fields: string[], places: ReadonlyMap<string, number>): Iterable<string> {
    if (this.#format === "json") return places.keys();
    return fields.sort((a, b) => places.get(a)! - places.get(b)!);
  }

  /** Whether a mapping is shown although nothing of it is. */
  #mayBeEmpty(rules: Rules & Common): boolean {
    return (
      rules.kind !== "struct" || rules.kept === true || (rules.always === true && this.#format === "json")
    );
  }

  /** Adds a mapping's `x-…` fields. */
  extensions(value: Record<string, unknown>, shown: Map<string, Shown>): void {
    const names = Object.keys(value).filter((name) => name.startsWith("x-"));
    for (const name of names.sort(this.#order)) shown.set(name, this.anything(value[name]));
  }

  /** A value that has no description. */
  anything(value: unknown): Shown {
    if (Array.isArray(value)) return value.map((item) => this.anything(item));
    if (typeof value === "object" && value !== null) {
      return this.#sorted(value as Record<string, unknown>, (one) => this.anything(one));
    }
    return value as Shown;
  }

  #leftOut(value: unknown, schema: TSchema): boolean {
    const rules = rulesOf(schema);
    const json = this.#format === "json";
    // The difference between nothing and nothing said matters to commands; JSON has `null` for the one.
    if (rules.kind === "command") return !json && (value === undefined || value === null);
    if (rules.always && json) return false;
    if (rules.kind === "flag" && rules.otherwise !== undefined)
      return value === undefined || value === rules.otherwise;
    if (value === undefined || value === null) return true;
    if (rules.kept || rules.kind === "mode") return false;
    if (rules.kind === "struct") return false;
    if (Array.isArray(value)) return value.length === 0;
    if (typeof value === "object") return Object.keys(value).length === 0;
    return value === "" || value === 0 || value === false;
  }

  #isEmpty(shown: Shown): boolean {
    return shown instanceof Map && shown.size === 0;
  }

  #sorted(value: Record<string, unknown>, show: (one: unknown) => Shown): ReadonlyMap<string, Shown> {
    const shown = new Map<string, Shown>();
    for (const key of Object.keys(value).sort(this.#order)) shown.set(key, show(value[key]));
    return shown;
  }

  #ulimit(value: Record<string, unknown>): Shown {
    const { single, soft = 0, hard = 0 } = value as { single?: number; soft?: number; hard?: number };
    if (single) return single;
    const limits = new Map<string, Shown>([
      ["soft", soft],
      ["hard", hard],
    ]);
    if (this.#format === "yaml") return limits;
    return new Map([...limits].filter(([, limit]) => limit !== 0));
  }

  #keys(value: Record<string, string | null>): Shown {
    const separator = this.#format === "yaml" ? ": " : "=";
    return Object.keys(value)
      .sort(this.#order)
      .map((id) => (value[id] ? id + separator + value[id] : id));
  }

  #decimal(value: number): Shown {
    return new Digits(formatFloat32(value, this.#format === "json" ? 21 : 6));
  }
}
