import { notFound } from "../../lib/index.ts";
import type { Application } from "../application.ts";
import { containersOf } from "./applies-to.ts";
import { down } from "./down.ts";
import type { WaitOptions } from "./options.ts";

/**
 * Resolves when the running containers of these services have ended, with the exit code of the one that ended last.
 *
 * @throws NotFound where none runs.
 */
export async function wait(
  app: Application,
  services: readonly string[],
  options: WaitOptions = {},
): Promise<number> {
  const { engine, project, signal } = app;
  const containers = await containersOf(app, services, { all: false, oneOff: true });
  if (containers.length === 0) throw notFound(`no containers for project "${project.name}"`);
  let exitCode = 0;
  await Promise.all(
    containers.map(async (container) => {
      const { StatusCode } = await engine.containers.wait(container.id, "not-running", signal);
      exitCode = StatusCode;
      options.onExit?.(container, StatusCode);
    }),
  );
  if (options.downProject === true) await down(app, { removeOrphans: true });
  return exitCode;
}
