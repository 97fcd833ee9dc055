import { invalidParameter } from "../lib/index.ts";
import { type Filters, parseFilters } from "./filters.ts";

const FALSE = new Set(["", "0", "no", "false", "none"]);

/** A request's query, read as Docker's handlers read it. Every failure is an InvalidParameter. */
export class Query {
  readonly #values: URLSearchParams;

  /** @param text what follows the `?` */
  constructor(text: string) {
    const broken = /%(?![0-9a-fA-F]{2}).{0,2}/.exec(text);
    if (broken !== null) throw invalidParameter(`invalid URL escape ${JSON.stringify(broken[0])}`);
    this.#values = new URLSearchParams(text);
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  /** Empty where it is missing, as with Go. */
  text(name: string): string {
    return this.#values.get(name) ?? "";
  }

  /** `undefined` where it is missing or empty. */
  optional(name: string): string | undefined {
    return this.#values.get(name) || undefined;
  }

  all(name: string): string[] {
    return this.#values.getAll(name);
  }

  /** Everything is true but the empty text, `0`, `no`, `false` and `none`. */
  bool(name: string, whenMissing = false): boolean {
    const value = this.#values.get(name);
    return value === null ? whenMissing : !FALSE.has(value.trim().toLowerCase());
  }

  /** `undefined` where it is missing or empty. */
  integer(name: string): number | undefined {
    const text = this.#values.get(name);
    if (text === null || text === "") return undefined;
    const value = /^[+-]?\d{1,18}$/.test(text) ? Number(text) : Number.NaN;
    if (!Number.isSafeInteger(value)) {
      throw invalidParameter(`invalid value for ${name}: parsing ${JSON.stringify(text)}: invalid syntax`);
    }
    return value;
  }

  /**
   * Nanoseconds since the epoch, from Docker's `seconds[.fraction]`; `undefined` where it is missing or empty.
   * Clients resolve durations and dates to this form themselves.
   */
  time(name: string): bigint | undefined {
    const text = this.#values.get(name);
    if (text === null || text === "") return undefined;
    const match = /^(-?)(\d{1,10})(?:\.(\d*))?$/.exec(text);
    if (match === null) {
      throw invalidParameter(
        `invalid value for ${JSON.stringify(name)}: parsing ${JSON.stringify(text)}: invalid syntax`,
      );
    }
    const nanoseconds =
      BigInt(match[2]!) * 1_000_000_000n + BigInt((match[3] ?? "").padEnd(9, "0").slice(0, 9));
    return match[1] === "-" ? -nanoseconds : nanoseconds;
  }

  filters(): Filters {
    return parseFilters(this.text("filters"));
  }
}
