import { messageOf } from "../../lib/index.ts";
import type { ImageInspect } from "../../wire/index.ts";
import type { Application, NamedService } from "../application.ts";
import { withDependencies } from "./dependencies.ts";
import { factsOf, readImages } from "./facts.ts";
import { limiterOf } from "./limit.ts";
import { furtherImages } from "./names.ts";
import { platformOf } from "./platforms.ts";
import { pullPolicy, whyPull } from "./policy.ts";
import { type ImagePull, pullImage } from "./pull-image.ts";

export interface PullOptions {
  readonly ignoreFailures?: boolean;
  /** Leave out what can be built. */
  readonly ignoreBuildable?: boolean;
  /** Services that these depend on, too. */
  readonly includeDependencies?: boolean;
  /** Instead of the services' own: `missing` or `always`. */
  readonly policy?: "missing" | "always" | undefined;
  /** No layers. */
  readonly quiet?: boolean;
}

/**
 * Fetches the services' images: those whose policy does not say otherwise, since who asks for it wants it now. A failure of
 * one that can be built is told at the end, and is none where others could be fetched.
 *
 * @throws the first failure's message, unless failures are ignored.
 */
export async function pullServices(
  app: Application,
  services: readonly NamedService[],
  options: PullOptions = {},
): Promise<void> {
  const { project } = app;
  const wanted = options.includeDependencies === true ? withDependencies(project, services) : services;
  const images = wanted.flatMap((service) => [
    ...(service.image ? [service.image] : []),
    ...furtherImages(project, service),
  ]);
  const local = await readImages(app.engine, images, app.signal);
  const pulls = new Map<string, ServicePull>();
  const consider = (pull: ServicePull, reason: string | undefined) => {
    if (reason !== undefined) skip(app, `Image ${pull.image}`, reason);
    else if (!pulls.has(pull.image)) pulls.set(pull.image, pull);
  };
  for (const service of wanted) {
    const { name, image, build } = service;
    const policy = options.policy ?? service.pull_policy;
    if (image) {
      const platform = platformOf(project, service);
      const here = local.get(image);
      const usable = here !== undefined && factsOf(here, platform) !== undefined ? here : undefined;
      const left = build !== undefined && options.ignoreBuildable === true ? "Image can be built" : undefined;
      const pull = { image, platform, buildable: build !== undefined, service: name };
      consider(pull, whySkip(policy, image, usable) ?? left);
    } else if (service.provider === undefined) {
      skip(app, name, "No image to be pulled");
    }
    for (const other of furtherImages(project, service)) {
      const rule = policy === "build" ? "missing" : policy;
      consider({ image: other, buildable: false, service: name }, whySkip(rule, other, local.get(other)));
    }
  }
  await pullAll(app, [...pulls.values()], options);
}

interface ServicePull extends ImagePull {
  readonly service: string;
}

async function pullAll(app: Application, pulls: readonly ServicePull[], options: PullOptions): Promise<void> {
  const limit = limiterOf(app.project);
  const stop = new AbortController();
  const signal = app.signal === undefined ? stop.signal : AbortSignal.any([app.signal, stop.signal]);
  const mustBuild: string[] = [];
  const errors: unknown[] = [];
  await Promise.all(
    pulls.map((pull) =>
      limit(async () => {
        if (stop.signal.aborted) return;
        try {
          await pullImage(app, pull, { quiet: options.quiet, signal });
        } catch (error) {
          errors.push(error);
          if (pull.buildable) mustBuild.push(pull.service);
          else if (options.ignoreFailures !== true) stop.abort(error);
        }
      }),
    ),
  );
  app.signal?.throwIfAborted();
  if (mustBuild.length > 0) {
    app.report.warn(
      `Some service image(s) must be built from source by running:\n    berth compose build ${mustBuild.sort().join(" ")}`,
    );
  }
  if (options.ignoreFailures === true || errors.length === 0) return;
  // Those that were only cut short say nothing.
  if (stop.signal.aborted) throw stop.signal.reason;
  throw errors.length === 1 ? errors[0] : new Error(errors.map(messageOf).join("\n"), { cause: errors[0] });
}

/** Why an image is not fetched although somebody asks for it. A window of time that has not passed is no reason. */
function whySkip(
  text: string | undefined,
  image: string,
  here: ImageInspect | undefined,
): string | undefined {
  if (text === undefined) return undefined;
  const policy = pullPolicy(text);
  if (policy.kind === "never" || policy.kind === "build") return `Pull policy is ${policy.kind}`;
  if (policy.kind !== "missing" || whyPull(policy, here) !== undefined) return undefined;
  // `latest` is expected to move; the registry says whether it has.
  return isLatest(image) ? undefined : "Image is already present locally";
}

function isLatest(image: string): boolean {
  if (image.includes("@")) return false;
  const name = image.slice(image.lastIndexOf("/") + 1);
  return !name.includes(":") || name.endsWith(":latest");
}

function skip(app: Application, id: string, detail: string): void {
  app.report.progress({ id, status: "done", text: "Skipped", detail });
}
