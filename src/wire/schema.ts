import {
  Array as ArrayOf,
  Boolean as BooleanType,
  Integer,
  Literal,
  Null,
  Object as ObjectOf,
  Optional,
  type Static,
  String as StringType,
  type TArray,
  type TLiteral,
  type TNull,
  type TObject,
  type TOptional,
  type TProperties,
  type TSchema,
  type TUnion,
  type TUnsafe,
  Union,
  Unknown,
  Unsafe,
} from "typebox";

/**
 * The vocabulary in which requests and responses are described. It follows what Go's `encoding/json` does
 * with Docker's structs, because that is what every client was written against: a field may be missing, and
 * a nil pointer, slice or map travels as `null`.
 *
 * typebox's functions are imported by name, so that the executable carries these few and not the whole library. A
 * schema that was made optional is kept, because typebox copies it whole.
 */
const optionals = new WeakMap<TSchema, TSchema>();
const nullables = new WeakMap<TSchema, TSchema>();

/** A field that may be missing. */
export function opt<T extends TSchema>(schema: T): TOptional<T> {
  let optional = optionals.get(schema);
  if (optional === undefined) {
    optional = Optional(schema);
    optionals.set(schema, optional);
  }
  return optional as TOptional<T>;
}

/** A field that may be missing or `null`: Go's pointers, slices and maps. */
export function nil<T extends TSchema>(schema: T): TOptional<TUnion<[T, TNull]>> {
  let nullable = nullables.get(schema);
  if (nullable === undefined) {
    nullable = Optional(orNull(schema));
    nullables.set(schema, nullable);
  }
  return nullable as TOptional<TUnion<[T, TNull]>>;
}

/** A value of a map or list that may be `null`. */
export const orNull = <T extends TSchema>(schema: T): TUnion<[T, TNull]> => Union([schema, Null()]);

export const Text = StringType();
export const Bool = BooleanType();
/** Go's `int` and `int64`. Values beyond 2^53 lose their last digits, as in every JavaScript client. */
export const Int = Integer();
/** Go's `uint64`, `uint32` and `uint16`. */
export const Uint = Integer({ minimum: 0 });
/** RFC 3339 with nanoseconds, as Go prints a `time.Time`. */
export const Time = StringType({ format: "date-time" });

export const list = <T extends TSchema>(items: T): TArray<T> => ArrayOf(items);
export const Texts = list(Text);

/** A JSON object with any keys. */
export const map = <T extends TSchema>(value: T): TUnsafe<Record<string, Static<T>>> =>
  Unsafe<Record<string, Static<T>>>({ type: "object", additionalProperties: value });
export const TextMap = map(Text);
/** Somebody else's JSON. */
export const AnyObject = map(Unknown());
/** Go's `map[string]struct{}`: a set. The values mean nothing; clients send `{}` or `null`. */
export const TextSet = map(Unknown());

/** Marks Go's `strslice.StrSlice`: a lone string counts as a list of one. `decode` turns it into the list. */
export const STRING_OR_LIST = "x-string-or-list";
export const Words = ArrayOf(StringType(), { [STRING_OR_LIST]: true });

/** A JSON object; fields that it does not name are ignored, as Go does. */
export const struct = <P extends TProperties>(properties: P): TObject<P> => ObjectOf(properties);

/** One of these words. */
export const oneOf = <const W extends string[]>(...words: W): TUnion<{ [K in keyof W]: TLiteral<W[K]> }> =>
  Union(words.map((word) => Literal(word))) as unknown as TUnion<{ [K in keyof W]: TLiteral<W[K]> }>;

export type { Static, TSchema } from "typebox";
