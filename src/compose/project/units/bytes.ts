const SIZE = /^(\d+(?:\.\d+)?) ?([kmgtp]?)i?b?$/i;
const POWERS = ["", "k", "m", "g", "t", "p"];

/** `64m`, `1.5 GiB`, `4096`, `-1` → bytes; units are powers of 1024. `undefined`: not a size. */
export function parseBytes(text: string): number | undefined {
  if (/^[+-]?\d{1,19}$/.test(text)) return Number(text);
  const match = SIZE.exec(text.trim());
  if (match === null) return undefined;
  return Math.trunc(Number(match[1]) * 1024 ** POWERS.indexOf(match[2]!.toLowerCase()));
}
