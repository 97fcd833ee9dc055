import type { RestartPolicy, ThrottleDevice, Ulimit, WeightDevice } from "../../wire/index.ts";
import { cut, type Flag } from "../flags.ts";
import { parseRamBytes } from "../text/units.ts";

/** `--cpus 1.5`, in billionths of a CPU. */
export function cpus(description: string): Flag<number> {
  return { type: "decimal", description, initial: 0, take: parseCpus };
}

/** Reads a decimal or a fraction exactly. @throws with Docker's words. */
export function parseCpus(text: string): number {
  const match = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,3}))?(?:\/(\d+))?$/.exec(text);
  const [, sign, whole = "", fraction = "", exponent = "0", divisor = "1"] = match ?? [];
  const isNumber = match !== null && whole + fraction !== "" && BigInt(divisor) !== 0n;
  if (!isNumber) throw new Error(`failed to parse ${text} as a rational number`);
  // digits × 10^(9 − decimals + exponent) ÷ divisor
  const power = 9 - fraction.length + Number(exponent);
  const numerator = BigInt(whole + fraction) * 10n ** BigInt(Math.max(0, power));
  const denominator = BigInt(divisor) * 10n ** BigInt(Math.max(0, -power));
  if (numerator % denominator !== 0n) throw new Error("value is too precise");
  return Number(numerator / denominator) * (sign === "-" ? -1 : 1);
}

const ULIMITS = new Set(
  "core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack".split(
    " ",
  ),
);

/** Reads `nofile=1024[:2048]`. @throws with Docker's words. */
export function parseUlimit(text: string): Ulimit {
  const [name, limits] = cut(text, "=");
  if (limits === undefined) throw new Error(`invalid ulimit argument: ${text}`);
  if (!ULIMITS.has(name)) throw new Error(`invalid ulimit type: ${name}`);
  const parts = limits.split(":");
  if (parts.length > 2) {
    throw new Error(`too many limit value arguments - ${limits}, can only have up to two, \`soft[:hard]\``);
  }
  const [soft = 0, hard = soft] = parts.map(limitNumber);
  if (hard !== -1 && soft === -1) {
    throw new Error(
      `ulimit soft limit must be less than or equal to hard limit: soft: -1 (unlimited), hard: ${hard}`,
    );
  }
  if (hard !== -1 && soft > hard) {
    throw new Error(`ulimit soft limit must be less than or equal to hard limit: ${soft} > ${hard}`);
  }
  return { Name: name, Soft: soft, Hard: hard };
}

function limitNumber(text: string): number {
  if (!/^[+-]?\d+$/.test(text))
    throw new Error(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  return Number(text);
}

/** Reads `/dev/sda:100`. @throws with Docker's words. */
export function parseWeightDevice(text: string): WeightDevice {
  const { path, value } = splitDevice(text);
  const weight = /^\d+$/.test(value) ? Number(value) : Number.NaN;
  if (!(weight === 0 || (weight >= 10 && weight <= 1000)))
    throw new Error(`invalid weight for device: ${text}`);
  return { Path: path, Weight: weight };
}

/** Reads `/dev/sda:1mb`, bytes a second. @throws with Docker's words. */
export function parseBytesRate(text: string): ThrottleDevice {
  const { path, value } = splitDevice(text);
  try {
    return { Path: path, Rate: parseRamBytes(value) };
  } catch (cause) {
    const form =
      "<device-path>:<number>[<unit>]. Number must be a positive integer. Unit is optional and can be kb, mb, or gb";
    throw new Error(`invalid rate for device: ${text}. The correct format is ${form}`, { cause });
  }
}

/** Reads `/dev/sda:1000`, operations a second. @throws with Docker's words. */
export function parseOperationsRate(text: string): ThrottleDevice {
  const { path, value } = splitDevice(text);
  if (!/^\d+$/.test(value)) {
    const form = "<device-path>:<number>. Number must be a positive integer";
    throw new Error(`invalid rate for device: ${text}. The correct format is ${form}`);
  }
  return { Path: path, Rate: Number(value) };
}

function splitDevice(text: string): { path: string; value: string } {
  const [path, value] = cut(text, ":");
  if (value === undefined || path === "") throw new Error(`bad format: ${text}`);
  if (!path.startsWith("/dev/")) throw new Error(`bad format for device path: ${text}`);
  return { path, value };
}

/** Reads `no`, `always`, `unless-stopped`, `on-failure[:count]`. @throws with Docker's words. */
export function parseRestartPolicy(text: string): RestartPolicy {
  if (text === "") return {};
  const [name, count] = cut(text, ":");
  if (count !== undefined && name === "") {
    throw new Error("invalid restart policy format: no policy provided before colon");
  }
  if (count === undefined || count === "") return { Name: name };
  if (!/^[+-]?\d+$/.test(count)) {
    throw new Error("invalid restart policy format: maximum retry count must be an integer");
  }
  return { Name: name, MaximumRetryCount: Number(count) };
}
