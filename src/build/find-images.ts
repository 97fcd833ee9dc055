import { EngineError } from "../lib/index.ts";
import type { BuildRequest } from "./builder-contract.ts";
import { placedError } from "./dockerfile/errors.ts";
import {
  type BaseImage,
  type BuildPlan,
  type Dockerfile,
  type ImageNeed,
  imageKey,
  type PlanOptions,
  type Platform,
  planBuild,
} from "./dockerfile/index.ts";
import { internalStep } from "./internal-step.ts";
import type { FoundImage, Images } from "./ports.ts";
import type { Report } from "./progress/events.ts";
import type { Lease } from "./solve/lease.ts";

export interface FindImagesOptions {
  readonly images: Images;
  readonly request: BuildRequest;
  /** Keeps the images' layers. */
  readonly lease: Lease;
  readonly report: Report;
  readonly signal: AbortSignal;
}

/** A plan, and the images that it is about, by `imageKey()`. */
export interface PlanWithImages {
  readonly plan: BuildPlan;
  readonly images: ReadonlyMap<string, FoundImage>;
  /** What was asked for, round by round: images' triggers may need more images. */
  readonly rounds: readonly (readonly ImageNeed[])[];
}

/** An image's triggers may need another image, whose triggers may need another. */
const ROUNDS_MAX = 64;

/**
 * Plans again and again, each time with the images that were missing the last time, until none is missing.
 * @param known images that have been found before
 */
export async function planWithImages(
  dockerfile: Dockerfile,
  plan: Omit<PlanOptions, "images">,
  known: ReadonlyMap<string, FoundImage>,
  options: FindImagesOptions,
): Promise<PlanWithImages> {
  const images = new Map(known);
  const rounds: ImageNeed[][] = [];
  while (rounds.length < ROUNDS_MAX) {
    options.signal.throwIfAborted();
    const bases = new Map([...images].map(([key, image]) => [key, baseOf(image)]));
    const planned = planBuild(dockerfile, { ...plan, images: bases });
    if (planned.missing.length === 0) return { plan: planned, images, rounds };
    rounds.push([...planned.missing]);
    for (const [key, image] of await findImages(planned.missing, options)) images.set(key, image);
  }
  throw placedError(dockerfile.stages[0]!.from.source, "the triggers of images need more images without end");
}

/** Images that a plan needs, by `imageKey()`. */
export async function findImages(
  needs: readonly ImageNeed[],
  options: FindImagesOptions,
): Promise<ReadonlyMap<string, FoundImage>> {
  // All of them end before one's failure is told: the lease holds those that were found.
  const found = await Promise.allSettled(needs.map((need) => findForPlan(need, options)));
  return new Map(
    found.map((outcome, index) => {
      if (outcome.status === "rejected") throw outcome.reason;
      return [imageKey(needs[index]!), outcome.value];
    }),
  );
}

export const baseOf = ({ config, platform, author }: FoundImage): BaseImage => ({ config, platform, author });

async function findForPlan(need: ImageNeed, options: FindImagesOptions): Promise<FoundImage> {
  try {
    return await findImage(need.reference, need.platform, options);
  } catch (error) {
    if (!(error instanceof EngineError) || options.signal.aborted) throw error;
    throw placedError(
      need.source,
      `${need.reference}: failed to resolve source metadata for ${need.reference}: ${error.message}`,
    );
  }
}

/** Finds an image, shown as a step. The lease holds it. */
export async function findImage(
  reference: string,
  platform: Platform,
  { images, request, lease, report, signal }: FindImagesOptions,
): Promise<FoundImage> {
  const { credentials } = request.services;
  return await internalStep(`[internal] load metadata for ${reference}`, report, async ({ progress }) =>
    lease.use(
      await images.find(reference, { platform, pull: request.pull, credentials, report: progress, signal }),
    ),
  );
}
