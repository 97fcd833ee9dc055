/**
 * File names are bytes on Linux and in archives; most are UTF-8, some are not. A name travels through
 * berth as a string in which each byte that is no part of valid UTF-8 is one lone surrogate U+DC80…U+DCFF
 * (the `surrogateescape` of PEP 383), so that every name survives the way there and back.
 */

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The string for a name's bytes; never fails. */
export function decodeName(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
  return text.includes("\uFFFD") ? decodeEscaped(bytes) : text;
}

/** The bytes of a name that `decodeName` gave; other lone surrogates become U+FFFD, as everywhere. */
export function encodeName(name: string): Buffer {
  if (name.isWellFormed()) return Buffer.from(name, "utf8");
  const out = Buffer.allocUnsafe(name.length * 3);
  let length = 0;
  for (const character of name) {
    const code = character.codePointAt(0)!;
    if (code >= 0xdc80 && code <= 0xdcff) out[length++] = code - 0xdc00;
    else length += out.write(character, length, "utf8");
  }
  return out.subarray(0, length);
}

/** Whether a name's bytes are not UTF-8, so that it must not be shown or put into JSON as it is. */
export function isEscapedName(name: string): boolean {
  return !name.isWellFormed();
}

function decodeEscaped(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; ) {
    const length = sequenceLength(bytes, at);
    if (length === 0) text += String.fromCharCode(0xdc00 + bytes[at]!);
    else text += strict.decode(bytes.subarray(at, at + length));
    at += length || 1;
  }
  return text;
}

/** Length of the valid UTF-8 sequence at this place; 0 where there is none. */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at]!;
  const length =
    first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  if (length < 2) return length;
  try {
    strict.decode(bytes.subarray(at, at + length));
    return at + length <= bytes.length ? length : 0;
  } catch {
    return 0;
  }
}
