import { invalidParameter } from "../lib/index.ts";

/** A platform comes as `linux/arm64`, or, in newer calls, as JSON of an OCI platform. @throws InvalidParameter */
export function platformIn(text: string): string {
  if (!text.startsWith("{")) return text;
  try {
    const { os, architecture, variant } = JSON.parse(text) as Record<string, unknown>;
    const parts = [os, architecture, variant].filter((part) => part !== undefined && part !== "");
    if (parts.length >= 2 && parts.every((part) => typeof part === "string")) return parts.join("/");
  } catch {
    // Told below.
  }
  throw invalidParameter(`invalid platform: ${text.slice(0, 200)}`);
}
