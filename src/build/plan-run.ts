import type { BuilderOptions } from "./builder.ts";
import type { Definition } from "./definition.ts";
import {
  type BuildPlan,
  type Dockerfile,
  type Platform,
  parseCheckOptions,
  readDockerfile,
} from "./dockerfile/index.ts";
import { baseOf, type FindImagesOptions, findImages, planWithImages } from "./find-images.ts";
import { type BuildGraph, graphOf } from "./graph/index.ts";
import { askedOf, identityOf, type KnownPlan } from "./known-plans.ts";
import { digestOfImage, type FoundImage } from "./ports.ts";

/** A plan and all that was found for it. */
export interface Planned {
  readonly dockerfile: Dockerfile;
  readonly plan: BuildPlan;
  readonly graph: BuildGraph;
  /** By `imageKey()`. */
  readonly images: ReadonlyMap<string, FoundImage>;
  /** Of the contexts that are images, by the contexts' names. */
  readonly contextImages: ReadonlyMap<string, FoundImage>;
}

export interface PlanRunOptions extends FindImagesOptions {
  readonly builder: Pick<BuilderOptions, "checkSignal" | "images" | "plans" | "platform">;
  readonly platform: Platform;
  readonly contextImages: ReadonlyMap<string, FoundImage>;
}

/** The plan of a build: that of an earlier one where nothing that decides on it is another. */
export async function planRun(definition: Definition, options: PlanRunOptions): Promise<Planned> {
  const { builder, request, platform, contextImages } = options;
  const asked = askedOf(definition, request, platform, contextImages);
  const known = builder.plans.find(asked);
  const images =
    known !== undefined && hasSameNames(known, builder)
      ? await findImages(known.needs, options)
      : new Map<string, FoundImage>();
  if (known !== undefined && hasSameImages(known, images)) {
    const { dockerfile, plan, graph } = known;
    return { dockerfile, plan, graph, images, contextImages };
  }
  const { names, rounds, ...planned } = await planAnew(definition, images, options);
  const [needs = [], ...triggered] = images.size > 0 ? [known?.needs, ...rounds] : rounds;
  // Where images' triggers name more images, what is needed cannot be told beforehand.
  if (triggered.length === 0) {
    const { dockerfile, plan, graph } = planned;
    const identities = new Map([...planned.images].map(([key, image]) => [key, identityOf(image)]));
    builder.plans.add(asked, { dockerfile, plan, graph, names, needs, identities });
  }
  return planned;
}

/** What a name comes to depends on the images that are here: a name may be the beginning of an id. */
function hasSameNames({ names }: KnownPlan, { images }: PlanRunOptions["builder"]): boolean {
  return [...names].every(([text, name]) => images.fullName(text) === name);
}

function hasSameImages({ identities }: KnownPlan, images: ReadonlyMap<string, FoundImage>): boolean {
  if (identities.size !== images.size) return false;
  return [...images].every(([key, image]) => identities.get(key) === identityOf(image));
}

/** @param found images that are known to be needed */
async function planAnew(
  definition: Definition,
  found: ReadonlyMap<string, FoundImage>,
  options: PlanRunOptions,
) {
  const { builder, request, platform, contextImages } = options;
  const dockerfile = readDockerfile(definition.text);
  const check = request.buildArgs.get("BUILDKIT_DOCKERFILE_CHECK");
  const names = new Map<string, string>();
  const { plan, images, rounds } = await planWithImages(
    dockerfile,
    {
      target: request.target,
      buildArgs: request.buildArgs,
      labels: request.labels,
      buildPlatform: builder.platform,
      targetPlatform: platform,
      contexts: new Map(
        [...request.contexts.keys()]
          .filter((name) => name !== "")
          .map((name) => [name, contextImages.has(name) ? baseOf(contextImages.get(name)!) : undefined]),
      ),
      imageName: (text) => {
        const name = builder.images.fullName(text);
        names.set(text, name);
        return name;
      },
      checkSignal: builder.checkSignal,
      ...(definition.ignore === undefined ? {} : { ignore: definition.ignore }),
      ...(check === undefined ? {} : { checks: parseCheckOptions(check) }),
      allStages: request.call === "check",
    },
    found,
    options,
  );
  const graph = graphOf(plan, {
    imageDigests: new Map([...images].map(([key, image]) => [key, digestOfImage(image)])),
    contextImages: new Map(
      [...contextImages].map(([name, image]) => [
        name,
        { reference: digestOfImage(image), platform: image.platform },
      ]),
    ),
    noCache: request.noCache,
  });
  return { dockerfile, plan, graph, images, contextImages, names, rounds };
}
