import type { KeyOrder } from "./shown.ts";

const encoder = new TextEncoder();

/** By bytes, as Go's JSON orders keys. */
export const byBytes: KeyOrder = (a, b) => {
  if (/^[\x00-\x7f]*$/.test(a + b)) return a < b ? -1 : a > b ? 1 : 0;
  return Buffer.compare(encoder.encode(a), encoder.encode(b));
};

const isDigit = (char: string | undefined): boolean =>
  char !== undefined && (char < "\x80" ? char >= "0" && char <= "9" : /^\p{Nd}$/u.test(char));
const isLetter = (char: string): boolean => (char < "\x80" ? /^[A-Za-z]$/.test(char) : /^\p{L}$/u.test(char));

/** As Go's YAML orders keys: numbers inside them by value, letters behind other characters. */
export const natural: KeyOrder = (left, right) => {
  // Words of letters only, as fields and most names are.
  if (/^[A-Za-z]+$/.test(left) && /^[A-Za-z]+$/.test(right)) return left < right ? -1 : left > right ? 1 : 0;
  const a = characters(left);
  const b = characters(right);
  const shorter = Math.min(a.length, b.length);
  let at = 0;
  while (at < shorter && a[at] === b[at]) at++;
  if (at === shorter) return a.length - b.length;
  const behindDigit = at > 0 && isDigit(a[at - 1]);
  const [letterA, letterB] = [isLetter(a[at]!), isLetter(b[at]!)];
  if (letterA && letterB) return compareCodes(a[at]!, b[at]!);
  if (letterA || letterB) return letterA === behindDigit ? -1 : 1;
  const startsWithZero = a[at] === "0" || b[at] === "0";
  const inNumber = startsWithZero && hasLeadingDigit(a, at);
  const [numberA, endA] = readNumber(a, at, inNumber);
  const [numberB, endB] = readNumber(b, at, inNumber);
  if (numberA !== numberB) return numberA < numberB ? -1 : 1;
  return endA === endB ? compareCodes(a[at]!, b[at]!) : endA - endB;
};

/** ASCII needs no search for pairs of surrogates. */
const characters = (text: string): string | readonly string[] =>
  /^[\x00-\x7f]*$/.test(text) ? text : [...text];

const compareCodes = (a: string, b: string): number => a.codePointAt(0)! - b.codePointAt(0)!;

/** Whether digits other than zero stand right before: then zeros count. */
function hasLeadingDigit(chars: ArrayLike<string>, at: number): boolean {
  for (let before = at - 1; before >= 0 && isDigit(chars[before]); before--) {
    if (chars[before] !== "0") return true;
  }
  return false;
}

function readNumber(
  chars: ArrayLike<string>,
  start: number,
  inNumber: boolean,
): [value: bigint, end: number] {
  let end = start;
  while (end < chars.length && isDigit(chars[end])) end++;
  let digits = "";
  for (let index = start; index < end; index++) digits += chars[index]!.codePointAt(0)! - 48;
  return [BigInt(`${inNumber ? "1" : "0"}${/^\d*$/.test(digits) ? digits : "0"}`), end];
}
