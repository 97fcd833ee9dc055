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
}

/** An image's triggers may need another image, whose triggers may need another. */
const ROUNDS_MAX = 64;

/** Plans again and again, each time with the images that were missing the last time, until none is missing. */
export async function planWithImages(
  dockerfile: Dockerfile,
  plan: Omit<PlanOptions, "images">,
  options: FindImagesOptions,
): Promise<PlanWithImages> {
  const images = new Map<string, FoundImage>();
  const known = new Map<string, BaseImage>();
  for (let round = 0; round < ROUNDS_MAX; round++) {
    options.signal.throwIfAborted();
    const planned = planBuild(dockerfile, { ...plan, images: known });
    if (planned.missing.length === 0) return { plan: planned, images };
    // All of them end before one's failure is told: the lease holds those that were found.
    const found = await Promise.allSettled(planned.missing.map((need) => findForPlan(need, options)));
    for (const [index, need] of planned.missing.entries()) {
      const outcome = found[index]!;
      if (outcome.status === "rejected") throw outcome.reason;
      const image = outcome.value;
      images.set(imageKey(need), image);
      known.set(imageKey(need), baseOf(image));
    }
  }
  throw placedError(dockerfile.stages[0]!.from.source, "the triggers of images need more images without end");
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
