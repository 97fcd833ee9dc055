import type { ImageSummary } from "../../wire/index.ts";
import { shortImageId } from "../lists/containers.ts";
import { humanSize } from "../text/units.ts";
import { alignColumns } from "./table.ts";

/** `images --tree`: each image, and below it what there is of it for each platform. */
export function imageTree(images: readonly ImageSummary[]): string {
  const lines = ["IMAGE\tID\tDISK USAGE\tCONTENT SIZE", ...images.flatMap(branch)];
  return alignColumns(`${lines.join("\n")}\n`);
}

function branch(image: ImageSummary): string[] {
  const manifests = (image.Manifests ?? []).filter(({ Kind }) => Kind === "image");
  const names = (image.RepoTags ?? []).length > 0 ? image.RepoTags : ["<untagged>"];
  const content = manifests.reduce((sum, { Size }) => sum + Size.Content, 0);
  const head = [names.join(","), shortImageId(image.Id), humanSize(image.Size, 3), humanSize(content, 3)];
  const leaves = manifests.map(({ ID, ImageData, Size }, index) => {
    const {
      os = "",
      architecture = "",
      variant = "",
    } = (ImageData?.Platform ?? {}) as Record<string, string>;
    const platform = [os, architecture, variant].filter((part) => part !== "").join("/");
    const mark = index === manifests.length - 1 ? "└─" : "├─";
    return [`${mark} ${platform}`, shortImageId(ID), humanSize(Size.Total, 3), humanSize(Size.Content, 3)];
  });
  return [head, ...leaves].map((cells) => cells.join("\t"));
}
