import Type, { type TArray, type TObject, type TProperties, type TSchema } from "typebox";

/**
 * The vocabulary in which requests and responses are described. It follows what Go's `encoding/json` does
 * with Docker's structs, because that is what every client was written against: a field may be missing, and
 * a nil pointer, slice or map travels as `null`.
 */

/** A field that may be missing. */
export const opt = <T extends TSchema>(schema: T) => Type.Optional(schema);

/** A field that may be missing or `null`: Go's pointers, slices and maps. */
export const nil = <T extends TSchema>(schema: T) => Type.Optional(Type.Union([schema, Type.Null()]));

export const Text = Type.String();
export const Bool = Type.Boolean();
/** Go's `int` and `int64`. Values beyond 2^53 lose their last digits, as in every JavaScript client. */
export const Int = Type.Integer();
/** Go's `uint64`, `uint32` and `uint16`. */
export const Uint = Type.Integer({ minimum: 0 });
/** RFC 3339 with nanoseconds, as Go prints a `time.Time`. */
export const Time = Type.String({ description: "RFC 3339 with nanoseconds" });

export const list = <T extends TSchema>(items: T): TArray<T> => Type.Array(items);
export const Texts = Type.Array(Type.String());
export const map = <T extends TSchema>(value: T) => Type.Record(Type.String(), value);
export const TextMap = Type.Record(Type.String(), Type.String());
/** Go's `map[string]struct{}`: a set. The values mean nothing; clients send `{}` or `null`. */
export const TextSet = Type.Record(Type.String(), Type.Unknown());

/** Marks Go's `strslice.StrSlice`: a lone string counts as a list of one. `decode` turns it into the list. */
export const STRING_OR_LIST = "x-string-or-list";
export const Words = Type.Array(Type.String(), { [STRING_OR_LIST]: true });

/** A JSON object; fields that it does not name are ignored, as Go does. */
export const struct = <P extends TProperties>(properties: P): TObject<P> => Type.Object(properties);

export type { Static, TSchema } from "typebox";
export { Type };
