import { messageOf, notFound } from "../../lib/index.ts";
import type { BuildOptions, BuildProgress, BuildWarning } from "../../sdk/index.ts";
import type { Application, NamedService, Reporter } from "../application.ts";
import { clientConfig, containerEnvironment } from "../create/environment.ts";
import type { Project } from "../project/index.ts";
import { inBuildOrder, withBuildDependencies } from "./build-order.ts";
import { type BuildFlags, buildRequest, ignoredOfBuild } from "./build-request.ts";
import { withDependencies } from "./dependencies.ts";
import { factsOf, type ImageFacts, readImage } from "./facts.ts";
import { limiterOf } from "./limit.ts";
import { imageName } from "./names.ts";
import { platformOf } from "./platforms.ts";

/** A reporter that shows builds step by step, too. */
export interface BuildReporter extends Reporter {
  /** What is new of the build of a service's image. A promise is awaited: a slow reader slows the build's messages down. */
  buildProgress?(service: string, progress: BuildProgress): void | Promise<void>;
}

export interface BuildServicesOptions extends BuildFlags {
  /** Services that these depend on, too. */
  readonly withDependencies?: boolean | undefined;
}

/** Builds the image of one service. @throws `BuildError` with the engine's own words. */
export async function buildImage(
  app: Application,
  service: NamedService,
  flags: BuildFlags,
): Promise<ImageFacts> {
  const image = imageName(app.project.name, service);
  const id = `Image ${image}`;
  const request = await requestWithConfig(app, service, flags);
  const report: BuildReporter = app.report;
  for (const message of ignoredOfBuild(service)) report.warn(message);
  report.progress({ id, status: "working", text: "Building" });
  try {
    const facts = app.dryRun ? dryRunFacts(image) : await run();
    report.progress({ id, status: "done", text: "Built" });
    return facts;
  } catch (error) {
    report.progress({ id, status: "error", text: app.signal?.aborted ? "Interrupted" : messageOf(error) });
    throw error;
  }

  async function run(): Promise<ImageFacts> {
    const { imageId } = await app.engine.builds.run({
      ...request,
      ...(flags.quiet !== true && {
        onProgress: (progress) => report.buildProgress?.(service.name, progress),
      }),
    });
    // What is said of an image changes with every build; what it is known by is what would run.
    const built = await readImage(app.engine, image, app.signal);
    const facts = built && (factsOf(built, platformOf(app.project, service)) ?? factsOf(built));
    return facts ?? { id: imageId, digest: imageId };
  }
}

/** With what the client's configuration says: credentials, and the proxies that every container is given, and so every step. */
async function requestWithConfig(
  app: Application,
  service: NamedService,
  flags: BuildFlags,
): Promise<BuildOptions> {
  const request = buildRequest(app, service, flags);
  const proxies = await containerEnvironment(app, { name: service.name });
  const given = proxies.map((pair) => pair.split(/=(.*)/s, 2) as [string, string]);
  return {
    ...request,
    args: { ...Object.fromEntries(given), ...request.args },
    config: await clientConfig(app),
  };
}

/** What a build that was not done has made. */
export const dryRunFacts = (image: string): ImageFacts => {
  const id = `sha256:${new Bun.CryptoHasher("sha256").update(`dry run of ${image}`).digest("hex")}`;
  return { id, digest: id };
};

/**
 * Builds services' images, independent ones at the same time; an image that another one starts from
 * (`additional_contexts: service:base`) is built before it, also where it was not asked for.
 *
 * @returns the facts of the images, by the names of the services.
 */
export async function buildServices(
  app: Application,
  services: readonly NamedService[],
  options: BuildServicesOptions = {},
): Promise<Map<string, ImageFacts>> {
  const wanted = withBuildDependencies(app.project, selected(app.project, services, options));
  if (wanted.length === 0) app.report.warn("No services to build");
  const results = new Map<string, ImageFacts>();
  await inBuildOrder(wanted, limiterOf(app.project), async (service) => {
    results.set(service.name, await buildImage(app, service, options));
  });
  return results;
}

/** `build --check`: what could be better in the services' Dockerfiles; nothing is built. */
export async function checkBuilds(
  app: Application,
  services: readonly NamedService[],
  options: BuildServicesOptions = {},
): Promise<Map<string, readonly BuildWarning[]>> {
  const found = new Map<string, readonly BuildWarning[]>();
  const limit = limiterOf(app.project);
  await Promise.all(
    selected(app.project, services, options).map((service) =>
      limit(async () => {
        const request = await requestWithConfig(app, service, options);
        found.set(service.name, app.dryRun ? [] : await app.engine.builds.check(request));
      }),
    ),
  );
  return found;
}

/** Those with a `build`, with `withDependencies` also of what they depend on. */
function selected(
  project: Project,
  services: readonly NamedService[],
  options: BuildServicesOptions,
): NamedService[] {
  const all = options.withDependencies === true ? withDependencies(project, services) : services;
  return all.filter(({ build }) => build !== undefined);
}

/** For services without an image, where none may be built. */
export const noImage = (service: NamedService, image: string) =>
  notFound(
    service.build === undefined || service.image
      ? `No such image: ${image}`
      : `No such image: ${image} (service "${service.name}" is built, and --no-build says that it may not be)`,
  );
