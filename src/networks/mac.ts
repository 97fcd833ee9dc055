import { invalidParameter } from "../lib/index.ts";
import type { IpAddress } from "./cidr.ts";

/**
 * The hardware address that belongs to an IPv4 address, as in Docker: `02:42` and the address. The neighbours'
 * ARP caches stay right when an address is given to the next container, so nothing needs to be announced.
 */
export function macOf(address: IpAddress): string {
  const hex = address.value.toString(16).padStart(8, "0").slice(-8);
  return `02:42:${hex.match(/../g)!.join(":")}`;
}

/**
 * An Ethernet address in one of the forms that Go's `net.ParseMAC` takes, as lower-case pairs with colons.
 * @throws InvalidParameter also for a group address, which the kernel gives to no interface.
 */
export function parseMac(text: string): string {
  const hex = /^([0-9a-f]{2}([:-])(?:[0-9a-f]{2}\2){4}[0-9a-f]{2})$/i.test(text)
    ? text.replaceAll(/[:-]/g, "")
    : /^([0-9a-f]{4}\.){2}[0-9a-f]{4}$/i.test(text)
      ? text.replaceAll(".", "")
      : undefined;
  if (hex === undefined) throw invalidParameter(`invalid MAC address: ${JSON.stringify(text.slice(0, 60))}`);
  if ((Number.parseInt(hex.slice(0, 2), 16) & 1) === 1 || /^0+$/.test(hex)) {
    throw invalidParameter(
      `invalid MAC address: ${JSON.stringify(text)} is not the address of one interface`,
    );
  }
  return hex.toLowerCase().match(/../g)!.join(":");
}
