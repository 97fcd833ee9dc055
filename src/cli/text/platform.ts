/** What people type for architectures, and OCI's names. */
const ARCHITECTURES: Readonly<Record<string, string>> = {
  x86_64: "amd64",
  "x86-64": "amd64",
  aarch64: "arm64",
  armhf: "arm",
};

const PART = /^[A-Za-z0-9_.-]+$/;

/** Reads `os[/arch[/variant]]`, or an architecture alone, as the API's JSON. @throws where it is no platform. */
export function platformJson(text: string): string {
  const parts = text.split("/");
  if (parts.length > 3 || !parts.every((part) => PART.test(part))) {
    throw new Error(`invalid platform: ${JSON.stringify(text)}: expected os[/arch[/variant]]`);
  }
  const [first = "", second, variant] = parts.map((part) => part.toLowerCase());
  const isOs = second !== undefined || ["linux", "windows", "darwin", "freebsd"].includes(first);
  const os = isOs ? first : "linux";
  const named = isOs ? (second ?? hostArchitecture()) : first;
  const architecture = ARCHITECTURES[named] ?? named;
  return JSON.stringify({ architecture, os, ...(variant !== undefined && { variant }) });
}

function hostArchitecture(): string {
  return process.arch === "x64" ? "amd64" : process.arch;
}
