/** What goes along with a call: names in lower case, each with any number of values. */
export type Metadata = Readonly<Record<string, readonly string[]>>;

const VALUES_MAX = 100_000;

/**
 * As headers of HTTP. Texts go as the bytes of their UTF-8, which all clients take; those with control characters or spaces at
 * an end are escaped as in a query, and a further header says so (BuildKit's `session/filesync`, which clients before its 0.9 do
 * not know).
 */
export function encodeMetadata(metadata: Metadata): Record<string, string[]> {
  const headers: Record<string, string[]> = {};
  for (const [name, values] of Object.entries(metadata)) {
    if (values.length === 0) continue;
    const isPlain = values.every((value) => !/[\x00-\x1f\x7f]/.test(value) && value === value.trim());
    headers[name] = values.map((value) => (isPlain ? toBytes(value) : queryEscape(value)));
    if (!isPlain) headers[`${name}-encoded`] = ["1"];
  }
  return headers;
}

/** Reads headers back. Repeated ones come as a list or, where HTTP joined them, as one value. */
export function decodeMetadata(
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
): Metadata {
  const metadata: Record<string, readonly string[]> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || name.startsWith(":") || name.endsWith("-encoded")) continue;
    const values = typeof value === "string" ? [value] : value.slice(0, VALUES_MAX);
    const [encoded] = [headers[`${name}-encoded`]].flat();
    metadata[name] = values.map(encoded === "1" || encoded === "true" ? queryUnescape : fromBytes);
  }
  return metadata;
}

/** A header's value has a character for each byte. */
const toBytes = (text: string) => Buffer.from(text, "utf8").toString("latin1");

function fromBytes(value: string): string {
  if (!/[\x80-\xff]/.test(value) || /[^\x00-\xff]/.test(value)) return value;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.from(value, "latin1"));
  } catch {
    return value;
  }
}

/** Go's `url.QueryEscape`. */
function queryEscape(text: string): string {
  return new URLSearchParams({ "": text }).toString().slice(1).replaceAll("*", "%2A");
}

function queryUnescape(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return text;
  }
}
