import { kindOf } from "../../lib/index.ts";
import type { Application } from "../application.ts";
import { LABEL } from "../labels.ts";

/**
 * Removes images of the project that have lost their names to newer builds and that no container uses.
 *
 * @param spared ids of images that stay.
 */
export async function pruneDangling(app: Application, spared: Iterable<string> = []): Promise<string[]> {
  const kept = new Set(spared);
  const filters = { label: [`${LABEL.project}=${app.project.name}`], dangling: ["true"] };
  const images = await app.engine.images.list({ filters });
  const removed = await Promise.all(
    images
      .filter(({ Id }) => !kept.has(Id))
      .map(async ({ Id }) => {
        try {
          if (!app.dryRun) await app.engine.images.remove(Id);
          return [Id];
        } catch (error) {
          // In use, or gone already.
          if (kindOf(error) === "Conflict" || kindOf(error) === "NotFound") return [];
          throw error;
        }
      }),
  );
  return removed.flat();
}
