/**
 * Besides control characters: marks that turn the direction of writing, with which a name can look like another one, and
 * the separators of lines and paragraphs. Lone surrogates stand for bytes that are not UTF-8.
 */
const UNPRINTABLE = /[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]|\p{Surrogate}/gu;

/** A name out of an image, on one line, as harmless text: what a terminal would obey is shown as `\x1b` or `\u202e`. */
export function shownName(name: string): string {
  return name.replaceAll(UNPRINTABLE, (one) => {
    const code = one.charCodeAt(0);
    if (code >= 0xdc80 && code <= 0xdcff) return `\\x${(code - 0xdc00).toString(16)}`;
    const hex = code.toString(16);
    return code <= 0xff ? `\\x${hex.padStart(2, "0")}` : `\\u${hex.padStart(4, "0")}`;
  });
}
