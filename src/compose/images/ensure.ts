import type { ImageInspect } from "../../wire/index.ts";
import { type Application, type NamedService, serviceNamed } from "../application.ts";
import { buildImage, dryRunFacts, noImage } from "./build.ts";
import { inBuildOrder, withBuildDependencies } from "./build-order.ts";
import type { BuildFlags } from "./build-request.ts";
import { factsOf, type ImageFacts, readImages } from "./facts.ts";
import { limiterOf } from "./limit.ts";
import { imageName } from "./names.ts";
import { type ImageChoice, type ImagePlan, planImages } from "./plan.ts";
import { platformOf } from "./platforms.ts";
import { pullImage } from "./pull-image.ts";

export interface EnsureOptions extends ImageChoice {
  /** No layers of pulls. */
  readonly quietPull?: boolean | undefined;
  /** No steps of builds. */
  readonly quietBuild?: boolean | undefined;
  /** What was found out beforehand, so that it is not asked again. */
  readonly plan?: ImagePlan | undefined;
}

/**
 * Sees to it that the services' images are here: fetches and builds what their pull policies and the command ask for.
 * Nothing to do costs one question per image, all asked at once.
 *
 * @returns the facts of the images, by the names of the services; services of a provider have none.
 * @throws NotFound `No such image: …` for one that may be neither fetched nor built.
 */
export async function ensureImages(
  app: Application,
  services: readonly NamedService[],
  options: EnsureOptions = {},
): Promise<Map<string, ImageFacts>> {
  const plan = options.plan ?? (await planImages(app, services, options));
  const built = await carryOut(app, plan, options);
  const pulled = plan.pulls.map(({ image }) => image).filter((image) => !built.has(image));
  const renewed = app.dryRun ? new Map() : await readImages(app.engine, pulled, app.signal);

  const facts = new Map<string, ImageFacts>();
  for (const service of services) {
    if (service.provider !== undefined) continue;
    const image = imageName(app.project.name, service);
    const platform = platformOf(app.project, service);
    const own =
      built.get(image) ??
      (pulled.includes(image) ? pulledFacts(image, renewed.get(image), platform, app.dryRun) : undefined) ??
      localFacts(plan.local.get(image), platform);
    if (own === undefined) throw noImage(service, image);
    facts.set(service.name, own);
  }
  return facts;
}

/** What was fetched just now counts, whatever it says of its platform. */
function pulledFacts(
  image: string,
  inspect: ImageInspect | undefined,
  platform: string | undefined,
  dryRun: boolean,
): ImageFacts | undefined {
  if (dryRun) return dryRunFacts(image);
  return inspect && (factsOf(inspect, platform) ?? factsOf(inspect));
}

const localFacts = (inspect: ImageInspect | undefined, platform: string | undefined) =>
  inspect && factsOf(inspect, platform);

/** Pulls and builds at the same time, but for builds that a pull may spare or that start from another image. */
async function carryOut(
  app: Application,
  plan: ImagePlan,
  options: EnsureOptions,
): Promise<Map<string, ImageFacts>> {
  const built = new Map<string, ImageFacts>();
  if (plan.pulls.length === 0 && plan.builds.length === 0) return built;
  const limit = limiterOf(app.project);
  const failed = new AbortController();
  const signal = app.signal === undefined ? failed.signal : AbortSignal.any([app.signal, failed.signal]);
  const inner: Application = { ...app, signal };

  const pulled = new Map<string, Promise<boolean>>();
  for (const pull of plan.pulls) {
    const done = limit(() => pullImage(inner, pull, { quiet: options.quietPull })).then(
      () => true,
      (error: unknown) => {
        if (pull.buildable && !signal.aborted) return false;
        failed.abort(error);
        throw error;
      },
    );
    pulled.set(pull.image, done);
  }

  const planned = new Map(plan.builds.map((build) => [build.service, build]));
  const first = [...planned.keys()].map((name) => serviceNamed(app.project, name));
  const missing = (service: NamedService) =>
    planned.has(service.name) || !plan.local.has(imageName(app.project.name, service));
  const flags: BuildFlags = { single: true, quiet: options.quietBuild };
  const building = inBuildOrder(
    withBuildDependencies(app.project, first).filter(missing),
    limit,
    async (service) => {
      const image = imageName(app.project.name, service);
      const build = planned.get(service.name);
      if (build?.onlyWithoutPull === true && (await pulled.get(image)) === true) return;
      if (built.has(image) || signal.aborted) return;
      built.set(image, await buildImage(inner, service, flags));
    },
  ).catch((error: unknown) => {
    failed.abort(error);
    throw error;
  });

  const results = await Promise.allSettled([...pulled.values(), building]);
  app.signal?.throwIfAborted();
  const failures = results.flatMap((result) =>
    result.status === "rejected" ? [result.reason as unknown] : [],
  );
  // The one that made the others stop is the one that counts.
  if (failures.length > 0) throw failed.signal.reason ?? failures[0];
  return built;
}
