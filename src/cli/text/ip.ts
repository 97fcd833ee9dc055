/**
 * Addresses as texts. `node:net` has the same, but loading it costs the client 2 ms (measured), which is a
 * part of every container's start.
 */
const OCTET = "(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";

export function isIPv4(text: string): boolean {
  return new RegExp(`^${OCTET}(?:\\.${OCTET}){3}$`).test(text);
}

/** RFC 4291, section 2.2: eight groups, one run of zero groups as `::`, the last two perhaps as IPv4. */
export function isIPv6(text: string): boolean {
  const halves = text.split("::");
  if (halves.length > 2 || !/^[0-9a-fA-F:.]+$/.test(text)) return false;
  const groups = halves.flatMap((half) => (half === "" ? [] : half.split(":")));
  const last = groups.at(-1) ?? "";
  const hasIPv4 = last.includes(".");
  if (hasIPv4 && (!isIPv4(last) || !text.endsWith(last))) return false;
  const plain = hasIPv4 ? groups.slice(0, -1) : groups;
  if (!plain.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return false;
  const count = plain.length + (hasIPv4 ? 2 : 0);
  return halves.length === 2 ? count < 8 : count === 8;
}

export function isAddress(text: string): boolean {
  return isIPv4(text) || isIPv6(text);
}
