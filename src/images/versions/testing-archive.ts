import { digestOf } from "../../lib/index.ts";
import type { ImageConfig } from "../../wire/index.ts";
import { newImageDocument } from "../config.ts";
import { chunksOf, file, tar } from "../testing.ts";

/** Uncompressed tars, bottom first. */
export type ArchivedLayers = readonly Uint8Array[];

const ARCHITECTURE = process.arch === "arm64" ? "arm64" : "amd64";

/** What `docker save` would write of an image of these layers, for `load`. */
export function ociArchive(
  name: string,
  layers: ArchivedLayers,
  config: ImageConfig = {},
): AsyncIterable<Uint8Array> {
  const created = "2020-01-01T00:00:00Z";
  const { bytes } = newImageDocument({
    created,
    architecture: ARCHITECTURE,
    os: "linux",
    config,
    layers: layers.map((layer) => digestOf(layer)),
    history: layers.map((_, at) => ({ created, createdBy: `step ${at}` })),
  });
  const manifest = [
    {
      Config: "config.json",
      RepoTags: [name.includes(":") ? name : `${name}:latest`],
      Layers: layers.map((_, at) => `${at}.tar`),
    },
  ];
  return chunksOf(
    tar(
      file("config.json", bytes),
      ...layers.map((layer, at) => file(`${at}.tar`, layer)),
      file("manifest.json", JSON.stringify(manifest)),
    ),
  );
}
