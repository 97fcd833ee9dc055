import type { BuildOutput } from "../../sdk/index.ts";
import { parseCsv } from "../options/csv.ts";
import { isTerminal } from "../terminal/tty.ts";

interface OutputFlags {
  readonly output: readonly string[];
  readonly push: boolean;
  readonly load: boolean;
}

/** Where the results go, and whether one of them goes to standard output, where nothing else may be then. */
export interface Outputs {
  readonly outputs: readonly BuildOutput[];
  readonly toStdout: boolean;
}

/** Archives; without a path they go to standard output, as with `-`. */
const ARCHIVES = new Set(["tar", "oci"]);

/** Reads `-o`, `--push` and `--load`. @throws with Docker's words */
export function parseOutputs({ output, push, load }: OutputFlags): Outputs {
  if (push && load) throw new Error("push and load may not be set together at the moment");
  const parsed = output.map(parseOutput);
  return {
    outputs: parsed.map(({ toStdout, ...rest }) => (toStdout ? { ...rest, dest: writeToStdout } : rest)),
    toStdout: parsed.some(({ toStdout }) => toStdout),
  };
}

function parseOutput(spec: string): BuildOutput & { readonly toStdout: boolean } {
  const { type, dest, attributes } = fieldsOf(spec);
  const isArchive =
    (ARCHIVES.has(type) || (type === "docker" && dest !== "")) && attributes["tar"] !== "false";
  const toStdout = isArchive && (dest === "" || dest === "-");
  if (toStdout && isTerminal(1))
    throw new Error("dest file is required for this exporter. refusing to write to console");
  if (!isArchive && dest === "-") throw new Error(`dest cannot be stdout for ${type} exporter`);
  return { type, attributes, ...(dest !== "" && { dest }), toStdout };
}

function fieldsOf(spec: string): { type: string; dest: string; attributes: Record<string, string> } {
  const fields = parseCsv(spec);
  // A path alone is a folder, `-` a tar on standard output.
  if (fields.length === 1 && !spec.includes("=")) {
    return { type: spec === "-" ? "tar" : "local", dest: spec, attributes: {} };
  }
  const attributes: Record<string, string> = {};
  for (const field of fields) {
    const at = field.indexOf("=");
    if (at < 0) throw new Error(`invalid value ${field}`);
    attributes[field.slice(0, at).toLowerCase()] = field.slice(at + 1);
  }
  const { type = "", dest = "", ...rest } = attributes;
  if (type === "") throw new Error("type is required for output");
  return { type, dest, attributes: rest };
}

async function writeToStdout(bytes: AsyncIterable<Uint8Array>): Promise<void> {
  const { writeChunks } = await import("../terminal/sink.ts");
  await writeChunks(1, bytes);
}
