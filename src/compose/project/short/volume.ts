import { posix } from "node:path";

/** The fields of a volume's long syntax. */
export type VolumeFields = {
  type: "bind" | "volume";
  source?: string;
  target: string;
  read_only?: true;
  bind?: { selinux?: string; propagation?: string };
  volume?: { nocopy?: true };
};

const PROPAGATIONS = ["rprivate", "private", "rshared", "shared", "rslave", "slave"];

/**
 * `[source:]target[:option,…]` as the long syntax. A source that starts as a path does is a bind mount, any other the
 * name of a volume. Options nobody knows are passed over, as Docker Compose does.
 *
 * @throws Error saying what is wrong.
 */
export function parseVolume(text: string): VolumeFields {
  if (text === "") throw new Error("invalid empty volume spec");
  if (text.length <= 2) return { type: "volume", target: posix.normalize(text) };
  const parts = splitAtColons(text);
  if (parts.some((part) => part === ""))
    throw new Error(`invalid spec: ${text}: empty section between colons`);
  if (parts.length > 3) throw new Error(`invalid spec: ${text}: too many colons`);
  const [first = "", target, options = ""] = parts;
  const volume: VolumeFields =
    target === undefined
      ? { type: "volume", target: cleaned(first) }
      : { type: isPath(first) ? "bind" : "volume", source: first, target: cleaned(target) };
  if (volume.type === "bind") volume.bind = {};
  else volume.volume = {};
  for (const option of options.split(",")) apply(option, volume);
  return volume;
}

function apply(option: string, volume: VolumeFields): void {
  if (option === "ro") volume.read_only = true;
  else if (option === "rw") delete volume.read_only;
  else if (option === "nocopy") volume.volume = { nocopy: true };
  else if (option === "z" || option === "Z") volume.bind = { ...volume.bind, selinux: option };
  else if (PROPAGATIONS.includes(option)) volume.bind = { ...volume.bind, propagation: option };
}

/** Colons separate, but for those of a Windows drive (`C:\x`) and of `${…}`, where variables were left in. */
function splitAtColons(text: string): string[] {
  const simple = text.includes("${") ? [] : text.split(":");
  if (simple.length > 0 && !simple.some((part) => /^[a-zA-Z]$/.test(part))) return simple;
  const parts: string[] = [];
  let part = "";
  let open = 0;
  for (let at = 0; at < text.length; at++) {
    const char = text[at]!;
    if (char === "$" && text[at + 1] === "{") open++;
    if (char === "}" && open > 0) open--;
    if (char === ":" && open === 0 && !/^[a-zA-Z]$/.test(part)) {
      parts.push(part);
      part = "";
    } else {
      part += char;
    }
  }
  return [...parts, part];
}

function isPath(source: string): boolean {
  return /^[./~]/.test(source) || source.startsWith("\\\\") || /^[a-zA-Z]:/.test(source);
}

/** Without `.`, `..`, doubled and trailing slashes. */
export function cleaned(path: string): string {
  const normal = posix.normalize(path);
  return normal.length > 1 && normal.endsWith("/") ? normal.slice(0, -1) : normal;
}
