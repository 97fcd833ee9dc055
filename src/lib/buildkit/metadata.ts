/** What goes along with a call: names in lower case, each with any number of values. */
export type Metadata = Readonly<Record<string, readonly string[]>>;

const VALUES_MAX = 100_000;

/**
 * As headers of HTTP. Values with other than ASCII characters are escaped as in a query, and a further header says so
 * (BuildKit's `session/filesync`).
 */
export function encodeMetadata(metadata: Metadata): Record<string, string[]> {
  const headers: Record<string, string[]> = {};
  for (const [name, values] of Object.entries(metadata)) {
    if (values.length === 0) continue;
    const plain = values.every((value) => /^[\x20-\x7e]*$/.test(value) && value === value.trim());
    headers[name] = values.map((value) => (plain ? value : queryEscape(value)));
    if (!plain) headers[`${name}-encoded`] = ["1"];
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
    metadata[name] = encoded === "1" || encoded === "true" ? values.map(queryUnescape) : values;
  }
  return metadata;
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
