import { EngineError } from "../../lib/index.ts";
import type { Engine } from "../../sdk/index.ts";
import type { ContainerSummary, ImageInspect } from "../../wire/index.ts";
import { canonicalName, projectContainers } from "./containers.ts";

/** The image that a container was made from. */
export interface ContainerImage {
  readonly container: string;
  readonly id: string;
  /** Empty where the image has lost its name. */
  readonly repository: string;
  readonly tag: string;
  /** `linux/amd64`; empty where the image is gone. */
  readonly platform: string;
  readonly sizeBytes: number;
  /** RFC 3339; undefined where nothing is known. */
  readonly created: string | undefined;
  readonly lastTagged: string | undefined;
}

/** The images of a project's containers, by the containers' names. Each image is looked at once. */
export async function images(
  engine: Engine,
  project: string,
  services: readonly string[],
): Promise<ContainerImage[]> {
  const containers = await projectContainers(engine, project, { all: true, oneOff: "include", services });
  const ids = [...new Set(containers.map(({ ImageID }) => ImageID))];
  const inspected = new Map(
    await Promise.all(ids.map(async (id) => [id, await inspectIfThere(engine, id)] as const)),
  );
  return containers.map((container) => describe(container, inspected.get(container.ImageID)));
}

async function inspectIfThere(engine: Engine, id: string): Promise<ImageInspect | undefined> {
  try {
    return await engine.images.inspect(id);
  } catch (error) {
    if (error instanceof EngineError && error.kind === "NotFound") return undefined;
    throw error;
  }
}

function describe(container: ContainerSummary, image: ImageInspect | undefined): ContainerImage {
  const [repository, tag] = nameOf(container.Image, image);
  return {
    container: canonicalName(container),
    id: image?.Id ?? container.ImageID,
    repository,
    tag,
    platform:
      image === undefined
        ? ""
        : [image.Os, image.Architecture, image.Variant]
            .filter((part) => part !== undefined && part !== "")
            .join("/"),
    sizeBytes: image?.Size ?? 0,
    created: image?.Created || undefined,
    lastTagged: image?.Metadata?.LastTagTime,
  };
}

/** The name that the container was made with, where the image still has it; else one that it has. */
function nameOf(reference: string, image: ImageInspect | undefined): readonly [string, string] {
  const tags = image?.RepoTags ?? [];
  const wanted = reference.includes("@") ? reference.slice(0, reference.indexOf("@")) : reference;
  const chosen = [wanted, `${wanted}:latest`].find((name) => tags.includes(name)) ?? tags[0];
  if (chosen === undefined) return ["", ""];
  const colon = chosen.lastIndexOf(":");
  return colon > chosen.lastIndexOf("/") ? [chosen.slice(0, colon), chosen.slice(colon + 1)] : [chosen, ""];
}
