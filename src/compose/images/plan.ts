import { invalidParameter } from "../../lib/index.ts";
import type { ImageInspect } from "../../wire/index.ts";
import type { Application, NamedService } from "../application.ts";
import type { Project } from "../project/index.ts";
import { factsOf, readImages } from "./facts.ts";
import { furtherImages, imageName } from "./names.ts";
import { platformOf } from "./platforms.ts";
import { type PullChoice, type PullPolicy, policyFor, pullPolicy, whyPull } from "./policy.ts";

/** What a command says of images. */
export interface ImageChoice {
  /** Build what can be built, whether it is there or not. */
  readonly build?: boolean | undefined;
  readonly noBuild?: boolean | undefined;
  /** Instead of what the services say. */
  readonly pull?: PullChoice | undefined;
}

export interface PlannedPull {
  readonly image: string;
  /** The first service that needs it. */
  readonly service: string;
  readonly platform: string | undefined;
  /** Where it cannot be fetched, it is built. */
  readonly buildable: boolean;
  readonly why: string;
}

export interface PlannedBuild {
  readonly image: string;
  readonly service: string;
  readonly why: string;
  /** Only where the image could not be fetched. */
  readonly onlyWithoutPull: boolean;
}

/** What is to be done until the services have their images. */
export interface ImagePlan {
  /** What is here already, by name. */
  readonly local: ReadonlyMap<string, ImageInspect>;
  readonly pulls: readonly PlannedPull[];
  readonly builds: readonly PlannedBuild[];
}

/**
 * Finds out which images are to be fetched and which built: one question to the engine per image, all at once.
 *
 * @throws InvalidParameter for a service that has neither `image` nor `build`.
 */
export async function planImages(
  app: Application,
  services: readonly NamedService[],
  choice: ImageChoice = {},
): Promise<ImagePlan> {
  const wanted = services.filter(({ provider }) => provider === undefined);
  for (const { name, image, build } of wanted) {
    if (!image && build === undefined)
      throw invalidParameter(`invalid service "${name}". Must specify either image or build`);
  }
  const { project } = app;
  const images = wanted.flatMap((service) => [
    imageName(project.name, service),
    ...furtherImages(project, service),
  ]);
  const planner = new Planner(project, wanted, choice, await readImages(app.engine, images, app.signal));
  for (const service of wanted) planner.add(service);
  return planner;
}

class Planner implements ImagePlan {
  readonly local: ReadonlyMap<string, ImageInspect>;
  readonly #project: Project;
  readonly #choice: ImageChoice;
  /** Images that one of the services builds. */
  readonly #buildable: ReadonlySet<string>;
  readonly #pulls = new Map<string, PlannedPull>();
  readonly #builds = new Map<string, PlannedBuild>();

  constructor(
    project: Project,
    services: readonly NamedService[],
    choice: ImageChoice,
    local: ReadonlyMap<string, ImageInspect>,
  ) {
    this.#project = project;
    this.#choice = choice;
    this.local = local;
    const built = services.filter(({ build }) => build !== undefined);
    this.#buildable = new Set(built.map((service) => imageName(project.name, service)));
  }

  get pulls(): readonly PlannedPull[] {
    return [...this.#pulls.values()];
  }

  get builds(): readonly PlannedBuild[] {
    return [...this.#builds.values()];
  }

  add(service: NamedService): void {
    const image = imageName(this.#project.name, service);
    const platform = platformOf(this.#project, service);
    const policy = policyFor(service, this.#choice);
    const here = this.local.get(image);
    // An image for another platform is as good as none.
    const usable = here !== undefined && factsOf(here, platform) !== undefined ? here : undefined;
    const mayBuild = this.#choice.noBuild !== true;
    const why = service.image ? whyPull(policy, usable) : undefined;
    if (why !== undefined) {
      const buildable = this.#buildable.has(image) && mayBuild;
      this.#pull({ image, service: service.name, platform, buildable, why });
    }
    const whyBuild = buildReason(policy, usable);
    if (service.build !== undefined && mayBuild && whyBuild !== undefined) {
      const onlyWithoutPull = why !== undefined;
      this.#build({ image, service: service.name, why: whyBuild, onlyWithoutPull });
    }
    for (const other of furtherImages(this.#project, service)) this.#addFurther(service.name, other, policy);
  }

  /** Nobody builds these, so that `build` means that they are fetched where they are missing. */
  #addFurther(service: string, image: string, policy: PullPolicy): void {
    const rule = policy.kind === "build" ? pullPolicy("missing") : policy;
    const why = whyPull(rule, this.local.get(image));
    if (why === undefined || this.#buildable.has(image)) return;
    this.#pull({ image, service, platform: undefined, buildable: false, why });
  }

  #pull(pull: PlannedPull): void {
    if (!this.#pulls.has(pull.image)) this.#pulls.set(pull.image, pull);
  }

  /** Several services may build one image: the first that has to does it. */
  #build(build: PlannedBuild): void {
    if (!this.#builds.has(build.image)) this.#builds.set(build.image, build);
  }
}

function buildReason({ kind }: PullPolicy, usable: ImageInspect | undefined): string | undefined {
  if (kind === "build") return "asked for";
  return usable === undefined ? "image is not here" : undefined;
}
