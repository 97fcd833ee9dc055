import { resolve } from "node:path";

/** What `-v` asks for: binds and named volumes go to the host's configuration, anonymous ones to the image's. */
export interface VolumeFlags {
  readonly binds: readonly string[];
  readonly anonymous: Readonly<Record<string, Record<string, never>>>;
}

/** Reads all `-v`: `/data`, `name:/data`, `/host:/data:ro,rshared`, `./here:/data`. @throws with Docker's words. */
export function parseVolumes(specs: readonly string[]): VolumeFlags {
  const binds: string[] = [];
  const anonymous: Record<string, Record<string, never>> = {};
  for (const spec of new Set(specs)) {
    const source = sourceOf(spec);
    if (source === undefined) anonymous[spec] = {};
    else binds.push(source.startsWith(".") ? resolve(source) + spec.slice(source.length) : spec);
  }
  return { binds, anonymous };
}

/** The part before the first colon; undefined where the spec is a path in the container only. */
function sourceOf(spec: string): string | undefined {
  if (spec === "") throw new Error("invalid empty volume spec");
  if (spec.length <= 2) return undefined;
  const parts = splitSpec(spec);
  if (parts.includes("")) throw new Error(`invalid spec: ${spec}: empty section between colons`);
  if (parts.length > 3) throw new Error(`invalid spec: ${spec}: too many colons`);
  return parts.length === 1 ? undefined : parts[0];
}

/** A single letter before a colon is a Windows drive, and the colon no separator. */
function splitSpec(spec: string): string[] {
  const parts: string[] = [];
  for (const part of spec.split(":")) {
    const before = parts.at(-1);
    if (before !== undefined && /^\p{L}$/u.test(before)) parts[parts.length - 1] = `${before}:${part}`;
    else parts.push(part);
  }
  return parts;
}
