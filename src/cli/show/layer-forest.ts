import type { ImageLayer, ImageLayers } from "../../wire/index.ts";
import { shortImageId } from "../lists/containers.ts";
import { shownName } from "../text/file-names.ts";
import { humanSize } from "../text/units.ts";
import { ellipsis } from "./table.ts";

/** A layer on the same layers below it, and what stands on it. */
interface Node {
  readonly layer: ImageLayer | undefined;
  readonly images: string[];
  readonly children: Map<string, Node>;
}

const makeNode = (layer?: ImageLayer): Node => ({ layer, images: [], children: new Map() });

/** All images as a tree of layers, each with the images that end there. Images in it stand in the order given. */
export function layerForest(images: readonly ImageLayers[], short: boolean): string {
  const root = makeNode();
  for (const { Id, Names, Layers } of images) {
    let node = root;
    for (const layer of Layers) {
      let child = node.children.get(layer.Digest);
      if (child === undefined) {
        child = makeNode(layer);
        node.children.set(layer.Digest, child);
      }
      node = child;
    }
    node.images.push(...(Names.length > 0 ? Names : [`<none> ${shortImageId(Id)}`]));
  }
  const alone = root.images.map((image) => `(no layers)  ${image}\n`);
  return [...alone, ...[...root.children.values()].flatMap((node) => branch(node, "", "", short))].join("");
}

/** A run of layers without a fork is as deep as the first of them: only where images part the tree goes right. */
function branch(node: Node, first: string, rest: string, short: boolean): string[] {
  const lines: string[] = [];
  let prefix = first;
  for (let at = node; ; ) {
    lines.push(`${prefix}${describe(at, short)}\n`);
    const children = [...at.children.values()];
    if (children.length !== 1) {
      for (const [index, child] of children.entries()) {
        const isLast = index === children.length - 1;
        lines.push(
          ...branch(child, `${rest}${isLast ? "└─ " : "├─ "}`, `${rest}${isLast ? "   " : "│  "}`, short),
        );
      }
      return lines;
    }
    at = children[0]!;
    prefix = rest;
  }
}

function describe({ layer, images }: Node, short: boolean): string {
  const { Digest, Size, CreatedBy } = layer!;
  const what = images.length > 0 ? images.join(", ") : "";
  const by = shownName(CreatedBy.replaceAll("\t", " "));
  const parts = [short ? shortImageId(Digest) : Digest, humanSize(Size, 3).padStart(7)];
  return [...parts, short ? ellipsis(by, 45) : by, what === "" ? "" : `<- ${what}`]
    .filter((part) => part !== "")
    .join("  ");
}
