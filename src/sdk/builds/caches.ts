import { parseCsv } from "../csv.ts";
import type { LayoutImage } from "./layouts.ts";

/** Where a cache goes that is not in the image itself. */
export interface CacheExport {
  readonly Type: "registry" | "local";
  readonly Attrs: Readonly<Record<string, string>>;
  /** A folder of this machine that it is written to. */
  readonly dest?: string;
}

/** Images whose layers may be used again: names, and folders of this machine with an image in them. */
export type CacheSource = string | LayoutImage;

function fieldsOf(spec: string): Record<string, string> {
  return Object.fromEntries(
    parseCsv(spec).map((field) => {
      const [name = "", value = ""] = field.split(/=(.*)/s);
      return [name, value];
    }),
  );
}

/** Services of others, which an engine on any machine cannot count on. */
const OTHERS = new Set(["gha", "s3", "azblob"]);

function unsupported(way: "import" | "export", type: string): Error {
  const reason = OTHERS.has(type) ? "it needs a service of others" : "there is no such kind";
  const supported = way === "import" ? "registry and local are" : "inline, registry and local are";
  return new Error(`cache ${way} of type ${JSON.stringify(type)} is not supported (${reason}): ${supported}`);
}

/** `image,image`, `type=registry,ref=image`, `type=local,src=folder`. @throws for other kinds of caches */
export function cacheSources(specs: readonly string[]): CacheSource[] {
  return specs.flatMap((spec): CacheSource[] => {
    const words = parseCsv(spec);
    if (!words.some((field) => field.includes("="))) return words.filter((field) => field !== "");
    const { type = "", ref = "", src = "", tag = "", digest = "" } = fieldsOf(spec);
    if (type === "local") {
      if (src === "") throw new Error("a cache of type local needs its folder: src=…");
      return [{ path: src, tag, digest }];
    }
    if (type !== "registry") throw unsupported("import", type);
    if (ref === "") throw new Error("a cache of type registry needs its image: ref=…");
    return [ref];
  });
}

/** Whether the image is to carry what the next build's `cacheFrom` needs. */
export function wantsInlineCache(specs: readonly string[]): boolean {
  return specs.some((spec) => spec === "inline" || fieldsOf(spec)["type"] === "inline");
}

/** @throws for kinds of caches that there are not */
export function cacheExports(specs: readonly string[]): CacheExport[] {
  return specs.flatMap((spec): CacheExport[] => {
    if (spec === "inline") return [];
    const isName = !spec.includes("=");
    const { type = "", dest = "", ...rest } = isName ? { type: "registry", ref: spec } : fieldsOf(spec);
    switch (type) {
      case "inline":
        return [];
      case "registry":
        if (!("ref" in rest) || rest.ref === "")
          throw new Error("a cache of type registry needs its image: ref=…");
        return [{ Type: "registry", Attrs: rest }];
      case "local":
        if (dest === "") throw new Error("a cache of type local needs its folder: dest=…");
        return [{ Type: "local", Attrs: rest, dest }];
      default:
        throw unsupported("export", type);
    }
  });
}
