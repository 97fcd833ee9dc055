import { mkdirSync, statSync } from "node:fs";
import { type CacheExport, cacheExports } from "./caches.ts";
import type { BuildOutput } from "./options.ts";

/** What is to come of a build: what the engine is told, and what is done here with what it sends. */
export interface OutputPlan {
  /** For the query; undefined: an image in the engine. */
  readonly asked:
    | readonly { readonly Type: string; readonly Attrs: Readonly<Record<string, string>> }[]
    | undefined;
  /** Takes what the engine sends, by the number of the output, which is 0 where there is one only. */
  readonly takes: ReadonlyMap<number, Take>;
  /** Names for the image that the outputs themselves give. */
  readonly tags: readonly string[];
  /** Where else the cache goes. */
  readonly caches: readonly CacheExport[];
}

/** Takes all that the engine sends of an output. */
export type Take = (bytes: AsyncIterable<Uint8Array>) => Promise<void>;

/** Of one output. */
interface OnePlan {
  readonly asked: OutputPlan["asked"];
  readonly take: Take | undefined;
  readonly tags: readonly string[];
}

const IMAGE: OnePlan = { asked: undefined, take: undefined, tags: [] };
const ASKED_IMAGE = [{ Type: "image", Attrs: {} }];

/** @throws with Docker's words */
export function planOutputs(
  outputs: readonly BuildOutput[],
  push: boolean,
  cacheTo: readonly string[] = [],
): OutputPlan {
  const caches = cacheExports(cacheTo);
  const isPushed = push && outputs.some(({ type }) => type === "image" || type === "registry");
  if (push && outputs.length > 0 && !isPushed)
    throw new Error(`push and "${outputs[0]!.type}" output can't be used together`);
  const plans = outputs.map((output) => {
    const pushes = push && (output.type === "image" || output.type === "registry");
    return planOf(output, { ...output.attributes, ...(pushes ? { push: "true" } : {}) });
  });
  const several = plans.length > 1 ? plans.flatMap(({ asked }) => asked ?? ASKED_IMAGE) : plans[0]?.asked;
  const takes = new Map<number, Take>();
  for (const [number, { take }] of plans.entries()) if (take !== undefined) takes.set(number, take);
  for (const [index, { dest }] of caches.entries()) {
    if (dest !== undefined) takes.set(plans.length + index, toFolder(dest, "local cache"));
  }
  return {
    asked: plans.length === 0 && push ? [{ Type: "image", Attrs: { push: "true" } }] : several,
    takes,
    tags: plans.flatMap(({ tags }) => tags),
    caches,
  };
}

function planOf({ type, dest }: BuildOutput, attributes: Record<string, string>): OnePlan {
  const { name, ...rest } = attributes;
  const tags = name === undefined ? [] : name.split(",");
  const asked = (Type: string, Attrs: Record<string, string> = rest) => [{ Type, Attrs }];
  const told = typeof dest === "string" ? dest : "-";
  switch (type) {
    case "image":
    case "registry":
      return { asked: asked(type), take: undefined, tags };
    case "docker":
      if (dest === undefined || dest === "") return { ...IMAGE, tags };
      return { asked: asked("docker", { ...rest, dest: told }), take: toArchive(dest), tags };
    case "oci":
      if (rest["tar"] === "false")
        return { asked: asked("oci", { dest: told }), take: toFolder(dest, "oci"), tags };
      return { asked: asked("oci", { ...rest, dest: told }), take: toArchive(dest), tags };
    case "tar":
      return { asked: asked("tar", { ...rest, dest: told }), take: toArchive(dest), tags: [] };
    case "local":
      // The engine need not know that the files are taken out of the tar again.
      return { asked: asked("tar", { dest: "-" }), take: toFolder(dest, "local"), tags: [] };
    case "cacheonly":
      return { ...IMAGE, asked: asked("cacheonly", {}) };
    default:
      throw new Error(`exporter "${type}" could not be found`);
  }
}

function toFolder(dest: BuildOutput["dest"], type: string): Take {
  if (dest === undefined || dest === "") throw new Error(`dest is required for ${type} exporter`);
  if (typeof dest !== "string") throw new Error(`dest has to be a folder for ${type} exporter`);
  return async (bytes) => {
    const { unpackTree } = await import("../files/unpack.ts");
    mkdirSync(dest, { recursive: true });
    await unpackTree(bytes, { directory: dest, name: (name) => name });
  };
}

function toArchive(dest: BuildOutput["dest"]): Take {
  if (dest === undefined || dest === "") throw new Error("dest is required for this exporter");
  if (typeof dest === "function") return dest;
  if (typeof dest !== "string") return (bytes) => pipe(bytes, dest);
  if (statSync(dest, { throwIfNoEntry: false })?.isDirectory()) {
    throw new Error(`destination file ${dest} is a directory`);
  }
  return async (bytes) => (await import("../files/save.ts")).saveFile(dest, bytes);
}

async function pipe(bytes: AsyncIterable<Uint8Array>, to: WritableStream<Uint8Array>): Promise<void> {
  const writer = to.getWriter();
  try {
    for await (const chunk of bytes) await writer.write(chunk);
    await writer.close();
  } catch (error) {
    await writer.abort(error).catch(() => {});
    throw error;
  }
}
