import { type Digest, digestOf, newId } from "../lib/index.ts";
import type { Report } from "./progress/events.ts";
import { VertexProgress } from "./solve/vertex-progress.ts";

/**
 * Does something that is no instruction of the Dockerfile, and shows it as a step of the build: `[internal] load .dockerignore`.
 * It has no part in the graph, so its digest is one of its own.
 */
export async function internalStep<T>(
  name: string,
  report: Report,
  work: (progress: VertexProgress) => Promise<T>,
): Promise<T> {
  const digest: Digest = digestOf(`${name} ${newId()}`);
  const progress = new VertexProgress({ digest, inputs: [] }, name, report);
  progress.start();
  try {
    const result = await work(progress);
    progress.end(false);
    return result;
  } catch (error) {
    progress.fail(error);
    throw error;
  }
}
