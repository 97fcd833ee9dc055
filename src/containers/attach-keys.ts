import { invalidParameter } from "../lib/index.ts";

/** ctrl-p, ctrl-q */
const DEFAULT_KEYS: readonly number[] = [16, 17];

const AFTER_CTRL = "@abcdefghijklmnopqrstuvwxyz[\\]^_";

/**
 * The key codes of a sequence such as `ctrl-p,ctrl-q` or `a,ctrl-@,DEL`; the default for an empty one.
 * @param kind Docker's word for them: `detach` for a container, `escape` for an exec.
 * @throws InvalidParameter `Invalid detach keys (x) provided`
 */
export function parseDetachKeys(
  text: string | undefined,
  kind: "detach" | "escape" = "detach",
): readonly number[] {
  if (text === undefined || text === "") return DEFAULT_KEYS;
  return text.split(",").map((key) => {
    const code = keyCode(key);
    if (code === undefined) throw invalidParameter(`Invalid ${kind} keys (${text}) provided`);
    return code;
  });
}

function keyCode(key: string): number | undefined {
  const bytes = Buffer.from(key);
  if (bytes.length === 1) return bytes[0];
  if (key === "DEL") return 127;
  if (key.length !== 6 || !key.startsWith("ctrl-")) return undefined;
  const code = AFTER_CTRL.indexOf(key[5]!);
  return code < 0 ? undefined : code;
}

/**
 * Looks for the detach keys in what a person types. The beginning of the sequence is held back until it is clear whether the
 * rest follows, also over several chunks, and passed on if not. As in Docker (moby/term, `escapeProxy`), the key that breaks a
 * sequence never begins another one: with ctrl-p ctrl-p both reach the shell.
 */
export class DetachKeys {
  readonly #keys: readonly number[];
  #matched = 0;

  constructor(keys: readonly number[]) {
    this.#keys = keys;
  }

  /** What is to be passed on, and whether the sequence is complete: what follows it is dropped. */
  filter(bytes: Uint8Array): { pass: Uint8Array; detached: boolean } {
    const held = this.#matched;
    for (let i = 0; i < bytes.length; i++) {
      if (bytes[i] !== this.#keys[this.#matched]) this.#matched = 0;
      else if (++this.#matched === this.#keys.length)
        return { pass: this.#upTo(bytes, i + 1, held), detached: true };
    }
    return { pass: this.#upTo(bytes, bytes.length, held), detached: false };
  }

  /** `held` keys of before and the bytes up to `end`, without those that are matched now. */
  #upTo(bytes: Uint8Array, end: number, held: number): Uint8Array {
    const pass = held + end - this.#matched;
    if (held === 0) return bytes.subarray(0, Math.max(0, pass));
    if (pass <= 0) return new Uint8Array(0);
    const joined = new Uint8Array(held + end);
    joined.set(this.#keys.slice(0, held));
    joined.set(bytes.subarray(0, end), held);
    return joined.subarray(0, pass);
  }
}
