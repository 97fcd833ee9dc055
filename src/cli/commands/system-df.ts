import type { DiskUsage, ImageSummary } from "../../wire/index.ts";
import { bool, string } from "../flags.ts";
import { containerList } from "../lists/containers.ts";
import { buildCacheList, USAGE_LIST, USAGE_RAW, USAGE_TABLE, usageLines } from "../lists/disk-usage.ts";
import { imageList, isDangling, type NamedImage } from "../lists/images.ts";
import { VOLUME_LIST } from "../lists/volumes.ts";
import { printList, renderList } from "../show/format.ts";
import { FORMAT_HELP } from "../show/format-help.ts";
import { explained } from "../show/template-rows.ts";
import { defineCommand, NO_ARGUMENTS } from "../spec.ts";
import { methods, Template } from "../template/index.ts";
import { familiarName, parseReference } from "../text/reference.ts";
import { humanSize } from "../text/units.ts";

const IMAGES =
  "table {{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}\t{{.SharedSize}}\t{{.UniqueSize}}\t{{.Containers}}";
const CONTAINERS =
  "table {{.ID}}\t{{.Image}}\t{{.Command}}\t{{.LocalVolumes}}\t{{.Size}}\t{{.RunningFor}}\t{{.Status}}\t{{.Names}}";
const CACHE =
  "table {{.ID}}\t{{.CacheType}}\t{{.Size}}\t{{.CreatedSince}}\t{{.LastUsedSince}}\t{{.UsageCount}}\t{{.Shared}}";

export const command = defineCommand({
  summary: "Show what takes room on the disk",
  usage: "[OPTIONS]",
  arity: NO_ARGUMENTS,
  flags: {
    format: string(FORMAT_HELP),
    verbose: bool("Show each image, container, volume and piece of the build cache", { short: "v" }),
  },
  async run({ cli, flags }) {
    const usage = await (await cli.engine()).system.diskUsage();
    const isTable = flags.format === "" || flags.format === "table";
    if (flags.verbose) {
      cli.print(isTable ? await verboseTables(usage) : await verboseAs(usage, flags.format));
      return;
    }
    const format = isTable ? USAGE_TABLE : flags.format === "raw" ? USAGE_RAW : flags.format;
    await printList(cli, USAGE_LIST, format, usageLines(usage));
  },
});

async function verboseTables(usage: DiskUsage): Promise<string> {
  const { images, containers, volumes, cache } = parts(usage);
  const cacheBytes = cache.filter(({ Shared }) => !Shared).reduce((total, { Size }) => total + Size, 0);
  return [
    "Images space usage:\n\n",
    await renderList(imageList(true), IMAGES, images),
    ...pastVersions(usage),
    "\nContainers space usage:\n\n",
    await renderList(containerList(true), CONTAINERS, containers),
    "\nLocal Volumes space usage:\n\n",
    await renderList(VOLUME_LIST, "table {{.Name}}\t{{.Links}}\t{{.Size}}", volumes),
    `\nBuild cache usage: ${humanSize(cacheBytes)}\n\n`,
    await renderList(buildCacheList(true), CACHE, cache),
  ].join("");
}

/** Nothing where there are none, as with an engine that keeps none. */
function pastVersions({ ImageVersions }: DiskUsage): string[] {
  if (!ImageVersions || ImageVersions.Images === 0) return [];
  const { Images, Size } = ImageVersions;
  const images = `${Images} image${Images === 1 ? "" : "s"}`;
  return [`\nPast image versions usage: ${humanSize(Size)} in ${images}, counted above\n`];
}

async function verboseAs(usage: DiskUsage, format: string): Promise<string> {
  if (format !== "yaml") return verboseTemplate(usage, format);
  return (await import("../show/yaml.ts")).yamlOf(verboseTemplate(usage, "json"));
}

function verboseTemplate(usage: DiskUsage, format: string): string {
  const { images, containers, volumes, cache } = parts(usage);
  const rows = <T>(
    kind: { typeName: string; fields: Parameters<typeof methods<T>>[1] },
    items: readonly T[],
  ) => items.map(methods(kind.typeName, kind.fields));
  const template = explained(() => new Template(format === "json" ? "{{json .}}" : format));
  return explained(() =>
    template.execute({
      Images: rows(imageList(false), images),
      Containers: rows(containerList(false), containers),
      Volumes: rows(VOLUME_LIST, volumes),
      BuildCache: rows(buildCacheList(false), cache),
    }),
  );
}

function parts(usage: DiskUsage) {
  const cache = [...(usage.BuildCache ?? [])].sort((a, b) => {
    const order = Date.parse(a.LastUsedAt ?? "") - Date.parse(b.LastUsedAt ?? "");
    return Number.isNaN(order) || order === 0 ? (a.ID < b.ID ? -1 : 1) : order;
  });
  return {
    images: (usage.Images ?? []).map(firstName),
    // The root file system's size is the image's, and was counted there.
    containers: (usage.Containers ?? []).map((container) => ({ ...container, SizeRootFs: 0 })),
    volumes: usage.Volumes ?? [],
    cache,
  };
}

function firstName(image: ImageSummary): NamedImage {
  const nameless = { image, repository: "<none>", tag: "<none>", digest: "" };
  const [first] = image.RepoTags ?? [];
  if (first === undefined || isDangling(image)) return nameless;
  try {
    const reference = parseReference(first);
    return { ...nameless, repository: familiarName(reference), tag: reference.tag ?? "<none>" };
  } catch {
    return nameless;
  }
}
