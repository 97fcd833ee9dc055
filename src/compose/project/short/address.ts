import type * as Net from "node:net";

const IPV4 = /^(25[0-5]|2[0-4]\d|1?\d?\d)(\.(25[0-5]|2[0-4]\d|1?\d?\d)){3}$/;

/** Whether the text is an IP address. */
export function isAddress(text: string): boolean {
  // Loading the module takes longer than reading a whole project.
  return IPV4.test(text) || (text.includes(":") && (require("node:net") as typeof Net).isIPv6(text));
}
