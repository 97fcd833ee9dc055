/** A line of an engine's answer may not grow beyond this. */
const LINE_BYTES_MAX = 64 << 20;

/** The JSON values of a stream of lines, as `events`, `stats`, `pull` and their kin answer. */
export async function* jsonLines<T>(source: AsyncIterable<Uint8Array>): AsyncGenerator<T, void> {
  for await (const line of textLines(source)) yield JSON.parse(line) as T;
}

/** The lines themselves, without blank ones: where numbers must keep all their digits. */
export async function* textLines(source: AsyncIterable<Uint8Array>): AsyncGenerator<string, void> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of source) {
    text += decoder.decode(bytes, { stream: true });
    let from = 0;
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", from)) {
      const line = text.slice(from, end).trim();
      from = end + 1;
      if (line !== "") yield line;
    }
    text = text.slice(from);
    if (text.length > LINE_BYTES_MAX) throw new Error("a line of the engine's answer is too long");
  }
  const last = (text + decoder.decode()).trim();
  if (last !== "") yield last;
}
