const ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz";
const LENGTH = 25;

/** A new id of a cache record: 25 digits and lower-case letters, as BuildKit gives them. */
export function newCacheId(): string {
  let id = "";
  while (id.length < LENGTH) {
    for (const byte of crypto.getRandomValues(new Uint8Array(LENGTH * 2))) {
      // 252 is the largest multiple of 36 in a byte: every character is as likely as any other.
      if (byte < 252 && id.length < LENGTH) id += ALPHABET[byte % ALPHABET.length];
    }
  }
  return id;
}
