/**
 * Sizes and durations as people read them. The rules (units, digits, rounding) are those of Docker's client,
 * so that columns of both read the same.
 */
const DECIMAL = ["B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"];
const BINARY = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"];

/** `1.235MB`: four significant digits, powers of 1000. */
export function humanSize(bytes: number, significantDigits = 4): string {
  return scaled(bytes, 1000, DECIMAL, significantDigits);
}

/** `+1.2MB`, `-3kB`: how much more there is. */
export function signedSize(bytes: number): string {
  return `${bytes < 0 ? "-" : "+"}${humanSize(Math.abs(bytes), 3)}`;
}

/** `1.178MiB`: four significant digits, powers of 1024. */
export function binarySize(bytes: number): string {
  return scaled(bytes, 1024, BINARY, 4);
}

function scaled(size: number, base: number, units: readonly string[], digits: number): string {
  let value = size;
  let unit = 0;
  while (value >= base && unit < units.length - 1) {
    value /= base;
    unit++;
  }
  return significant(value, digits) + units[unit];
}

/** Go's `%.*g` for values below 10000: significant digits, trailing zeros dropped. */
function significant(value: number, digits: number): string {
  if (value === 0 || !Number.isFinite(value)) return String(value);
  const exponent = Math.floor(Math.log10(Math.abs(value)));
  const text = value.toPrecision(digits);
  if (exponent < -4 || /e/.test(text)) {
    const [mantissa = "", power = "0"] = value.toExponential(digits - 1).split("e");
    const sign = power.startsWith("-") ? "-" : "+";
    return `${dropZeros(mantissa)}e${sign}${power.replace(/^[+-]/, "").padStart(2, "0")}`;
  }
  return dropZeros(text);
}

function dropZeros(text: string): string {
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

const POWERS: Readonly<Record<string, number>> = { k: 1, m: 2, g: 3, t: 4, p: 5 };

/** Reads `512m`, `1.5g`, `64KiB` in powers of 1024. @throws with the words of Docker's client. */
export function parseRamBytes(text: string): number {
  const lastDigit = text.search(/[0-9. ][^0-9. ]*$/);
  if (lastDigit < 0) throw new Error(`invalid size: '${text}'`);
  const [number, suffix] = splitSuffix(text, lastDigit);
  if (!/^[+-]?(\d+\.?\d*|\.\d+)$/.test(number)) {
    throw new Error(`strconv.ParseFloat: parsing ${JSON.stringify(number)}: invalid syntax`);
  }
  const value = Number(number);
  if (value < 0) throw new Error(`invalid size: '${text}'`);
  return Math.trunc(value * factor(suffix));
}

function factor(suffix: string): number {
  const unit = suffix.length > 3 ? suffix : suffix.toLowerCase();
  if (unit === "" || unit === "b") return 1;
  const power = POWERS[unit[0]!];
  if (power === undefined || !/^.(i?b)?$/.test(unit)) throw new Error(`invalid suffix: '${unit}'`);
  return 1024 ** power;
}

/** One space may stand between number and unit. */
function splitSuffix(text: string, lastDigit: number): [string, string] {
  if (text[lastDigit] === " ") return [text.slice(0, lastDigit), text.slice(lastDigit + 1)];
  return [text.slice(0, lastDigit + 1), text.slice(lastDigit + 1)];
}

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** `About a minute`, `3 hours`, `2 weeks`. */
export function humanDuration(seconds: number): string {
  const whole = Math.trunc(seconds);
  if (whole < 1) return "Less than a second";
  if (whole === 1) return "1 second";
  if (whole < MINUTE) return `${whole} seconds`;
  const minutes = Math.trunc(seconds / MINUTE);
  if (minutes === 1) return "About a minute";
  if (minutes < 60) return `${minutes} minutes`;
  const hours = Math.floor(seconds / HOUR + 0.5);
  if (hours === 1) return "About an hour";
  if (hours < 48) return `${hours} hours`;
  if (hours < 24 * 7 * 2) return `${Math.trunc(hours / 24)} days`;
  if (hours < 24 * 30 * 2) return `${Math.trunc(hours / 24 / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.trunc(hours / 24 / 30)} months`;
  return `${Math.trunc(seconds / DAY / 365)} years`;
}
