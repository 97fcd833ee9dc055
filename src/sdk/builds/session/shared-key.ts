import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { sha256Hex } from "../../web-crypto.ts";

/** By this the engine finds the copy of this folder that it made in an earlier build. */
export function sharedKey(place: string): Promise<string> {
  return sha256Hex(JSON.stringify([machineId(), place]));
}

function machineId(): string {
  try {
    return readFileSync("/etc/machine-id", "utf8").trim() + hostname();
  } catch {
    return hostname();
  }
}
