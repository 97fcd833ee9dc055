import { mkdirSync, statSync } from "node:fs";
import { parseCsv } from "../options/csv.ts";
import { saveStream } from "../terminal/save-stream.ts";
import { isTerminal } from "../terminal/tty.ts";

/** What is to come of a build: what the engine is told, and what is done here with what it sends. */
export interface OutputPlan {
  /** For the query; undefined: an image in the engine. */
  readonly asked:
    | readonly { readonly Type: string; readonly Attrs: Readonly<Record<string, string>> }[]
    | undefined;
  /** Takes what the engine sends; undefined where it sends nothing. */
  readonly take: ((bytes: AsyncIterable<Uint8Array>) => Promise<void>) | undefined;
  readonly toStdout: boolean;
  /** Names for the image that the output itself gives. */
  readonly tags: readonly string[];
  /** The engine has an image at the end. */
  readonly isImage: boolean;
}

interface OutputFlags {
  readonly output: readonly string[];
  readonly push: boolean;
  readonly load: boolean;
}

const IMAGE: OutputPlan = { asked: undefined, take: undefined, toStdout: false, tags: [], isImage: true };

/** Reads `-o`, `--push` and `--load`. @throws with Docker's words */
export function planOutput({ output, push, load }: OutputFlags): OutputPlan {
  if (push && load) throw new Error("push and load may not be set together at the moment");
  if (output.length > 1) throw new Error("currently, only one output of a build is supported");
  const [spec] = output;
  if (spec === undefined) {
    return push ? { ...IMAGE, asked: [{ Type: "image", Attrs: { push: "true" } }] } : IMAGE;
  }
  const { type, attributes } = parseOutput(spec);
  if (push && type !== "image" && type !== "registry")
    throw new Error(`push and "${type}" output can't be used together`);
  return planOf(type, { ...attributes, ...(push ? { push: "true" } : {}) });
}

function parseOutput(spec: string): { type: string; attributes: Record<string, string> } {
  const fields = parseCsv(spec);
  // A path alone is a folder, `-` a tar on standard output.
  if (fields.length === 1 && !spec.includes("=")) {
    return spec === "-"
      ? { type: "tar", attributes: { dest: "-" } }
      : { type: "local", attributes: { dest: spec } };
  }
  const attributes: Record<string, string> = {};
  for (const field of fields) {
    const at = field.indexOf("=");
    if (at < 0) throw new Error(`invalid value ${field}`);
    attributes[field.slice(0, at).toLowerCase()] = field.slice(at + 1);
  }
  const { type, ...rest } = attributes;
  if (type === undefined || type === "") throw new Error("type is required for output");
  return { type, attributes: rest };
}

function planOf(type: string, attributes: Record<string, string>): OutputPlan {
  const { dest = "", name, ...rest } = attributes;
  const tags = name === undefined ? [] : name.split(",");
  const asked = (Type: string, Attrs: Record<string, string> = rest) => [{ Type, Attrs }];
  switch (type) {
    case "image":
    case "registry":
      return { ...IMAGE, asked: asked(type), tags };
    case "docker":
      if (dest === "") return { ...IMAGE, tags };
      return { ...toFile(dest), asked: asked("docker", { ...rest, dest }), tags };
    case "oci": {
      if (rest["tar"] === "false") return { ...toFolder(dest, "oci"), asked: asked("oci", { dest }), tags };
      return { ...toFile(dest), asked: asked("oci", { ...rest, dest }), tags };
    }
    case "tar":
      return { ...toFile(dest), asked: asked("tar", { ...rest, dest }) };
    case "local":
      // The engine need not know that the files are taken out of the tar again.
      return { ...toFolder(dest, "local"), asked: asked("tar", { dest: "-" }) };
    case "cacheonly":
      return { ...IMAGE, asked: asked("cacheonly", {}), isImage: false };
    default:
      throw new Error(`exporter "${type}" could not be found`);
  }
}

function toFolder(dest: string, type: string): Omit<OutputPlan, "asked"> {
  if (dest === "") throw new Error(`dest is required for ${type} exporter`);
  if (dest === "-") throw new Error(`dest cannot be stdout for ${type} exporter`);
  return {
    toStdout: false,
    tags: [],
    isImage: false,
    async take(bytes) {
      const { unpackLocal } = await import("../copy/unpack.ts");
      mkdirSync(dest, { recursive: true });
      await unpackLocal(bytes, { directory: dest, name: (name) => name });
    },
  };
}

function toFile(dest: string): Omit<OutputPlan, "asked"> {
  if ((dest === "" || dest === "-") && isTerminal(1)) {
    throw new Error("dest file is required for this exporter. refusing to write to console");
  }
  if (dest !== "" && dest !== "-" && statSync(dest, { throwIfNoEntry: false })?.isDirectory()) {
    throw new Error(`destination file ${dest} is a directory`);
  }
  const toStdout = dest === "" || dest === "-";
  const take = (bytes: AsyncIterable<Uint8Array>) =>
    saveStream(dest, "failed to write output", async () => bytes);
  return { toStdout, tags: [], isImage: false, take };
}
