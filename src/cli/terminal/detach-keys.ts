/** ctrl-p, ctrl-q. */
export const DEFAULT_DETACH_KEYS: Uint8Array = Uint8Array.of(16, 17);

/**
 * Reads a sequence such as `ctrl-p,ctrl-q` or `ctrl-a,d`: single characters, or `ctrl-` and one of
 * `a`…`z @ [ \ ] ^ _`.
 * @throws Error `Unknown character: '…'`
 */
export function parseDetachKeys(text: string): Uint8Array {
  return Uint8Array.from(text.split(","), keyCode);
}

function keyCode(key: string): number {
  if (key.length === 1) return key.charCodeAt(0);
  const control = /^ctrl-([a-z@[\\\]^_])$/.exec(key)?.[1];
  if (control === undefined) throw new Error(`Unknown character: '${key}'`);
  return control.toUpperCase().charCodeAt(0) - 64;
}

/** Finds the detach keys in what is typed. Keys that may begin the sequence are held back until it is clear. */
export class DetachMatcher {
  readonly #keys: Uint8Array;
  #matched = 0;

  constructor(keys: Uint8Array) {
    this.#keys = keys;
  }

  /** @returns what is to be passed on, and whether the whole sequence was typed: then the rest is dropped. */
  push(bytes: Uint8Array): { pass: Uint8Array; detached: boolean } {
    if (this.#keys.length === 0) return { pass: bytes, detached: false };
    const pass: number[] = [];
    for (const byte of bytes) {
      if (byte !== this.#keys[this.#matched]) this.#release(pass);
      if (byte === this.#keys[this.#matched]) this.#matched++;
      else pass.push(byte);
      if (this.#matched === this.#keys.length) return { pass: Uint8Array.from(pass), detached: true };
    }
    return { pass: Uint8Array.from(pass), detached: false };
  }

  #release(pass: number[]): void {
    pass.push(...this.#keys.subarray(0, this.#matched));
    this.#matched = 0;
  }
}
