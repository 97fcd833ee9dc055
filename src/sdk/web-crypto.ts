/** Web cryptography; Node 18 has it, but not as a global. */
export async function webCrypto(): Promise<Crypto> {
  if (typeof globalThis.crypto !== "undefined") return globalThis.crypto;
  return (await import("node:crypto")).webcrypto as Crypto;
}

/** SHA-256 of a text, in hexadecimal digits. */
export async function sha256Hex(text: string): Promise<string> {
  const digest = await (await webCrypto()).subtle.digest("SHA-256", new TextEncoder().encode(text));
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
