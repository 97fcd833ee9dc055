import type { Application, NamedService } from "../application.ts";
import type { ImageIdOf } from "../create/index.ts";
import { ensureImages, type ImageFacts, type ImagePlan, planImages } from "../images/index.ts";
import { type ProjectState, readState } from "../state/index.ts";
import { imageVolumes } from "./image-volumes.ts";
import type { CreateOptions } from "./options.ts";

/** What the engine has for a project, and which images would be fetched and built. */
export interface Observed {
  readonly images: ImagePlan;
  readonly state: ProjectState;
}

/** Asks for all at once; nothing is changed. */
export async function observe(app: Application, options: CreateOptions): Promise<Observed> {
  const [images, state] = await Promise.all([planImages(app, namedServices(app), options), readAll(app)]);
  return { images, state };
}

/** Sees to the images of a project's services, and reads what the engine has of the project. */
export async function observeWithImages(
  app: Application,
  options: CreateOptions,
): Promise<{
  images: ReadonlyMap<string, ImageFacts>;
  mounted: ImageIdOf;
  state: ProjectState;
}> {
  const { images: plan, state } = await observe(app, options);
  const images = await ensureImages(app, namedServices(app), { ...options, plan });
  // Fetching and building take their time, in which much may have happened.
  const stale = plan.pulls.length > 0 || plan.builds.length > 0;
  const [mounted, fresh] = await Promise.all([imageVolumes(app), stale ? readAll(app) : state]);
  return { images, mounted, state: fresh };
}

export const namedServices = ({ project }: Application): NamedService[] =>
  Object.entries(project.services).map(([name, service]) => ({ ...service, name }));

const readAll = ({ engine, project, signal }: Application): Promise<ProjectState> =>
  readState(engine, project.name, { oneOff: true, signal });
