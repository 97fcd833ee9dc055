import { invalidParameter, messageOf } from "../../lib/index.ts";
import type { Application, NamedService } from "../application.ts";
import { registryAuth } from "./credentials.ts";
import { limiterOf } from "./limit.ts";
import { followLayers } from "./progress.ts";
import { pullTarget } from "./pull-image.ts";

export interface PushOptions {
  readonly ignoreFailures?: boolean;
  /** No layers. */
  readonly quiet?: boolean;
  /** A service without `image` is an error. */
  readonly imageMandatory?: boolean;
}

/** Sends the images of services that are built here to their registries. @throws the first failure's message. */
export async function pushServices(
  app: Application,
  services: readonly NamedService[],
  options: PushOptions = {},
): Promise<void> {
  const limit = limiterOf(app.project);
  const pushes: (() => Promise<void>)[] = [];
  for (const service of services) {
    if (service.build === undefined || !service.image) {
      if (options.imageMandatory === true && !service.image && service.provider === undefined) {
        throw invalidParameter(
          `"service.image" attribute is mandatory to push an image for service "${service.name}"`,
        );
      }
      app.report.progress({ id: service.name, status: "done", text: "Skipped" });
      continue;
    }
    const tags = new Set([service.image, ...(service.build.tags ?? [])]);
    for (const tag of tags) pushes.push(() => push(app, tag, options));
  }
  await Promise.all(pushes.map(limit));
}

async function push(app: Application, image: string, options: PushOptions): Promise<void> {
  app.report.progress({ id: image, status: "working", text: "Pushing" });
  try {
    if (!app.dryRun) {
      const { fromImage, tag } = pullTarget(image);
      const auth = await registryAuth(app, image);
      const messages = await app.engine.images.push(fromImage, { tag }, auth, app.signal);
      await followLayers(messages, image, options.quiet === true ? undefined : app.report);
    }
    app.report.progress({ id: image, status: "done", text: "Pushed" });
  } catch (error) {
    const ignored = options.ignoreFailures === true;
    app.report.progress({ id: image, status: ignored ? "warning" : "error", text: messageOf(error) });
    if (!ignored) throw error;
  }
}
