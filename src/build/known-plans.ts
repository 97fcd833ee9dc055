import { type Digest, digestOf } from "../lib/index.ts";
import type { BuildRequest } from "./builder-contract.ts";
import type { Definition } from "./definition.ts";
import type { BuildPlan, Dockerfile, ImageNeed, Platform } from "./dockerfile/index.ts";
import type { BuildGraph } from "./graph/index.ts";
import type { FoundImage } from "./ports.ts";

/** A plan, and what it was made from beside what was asked. */
export interface KnownPlan {
  readonly dockerfile: Dockerfile;
  readonly plan: BuildPlan;
  readonly graph: BuildGraph;
  /** What names of images came to, by what is written. */
  readonly names: ReadonlyMap<string, string>;
  /** The images that it needs. */
  readonly needs: readonly ImageNeed[];
  /** Which ones these were, by `imageKey()`: their `identityOf()`. */
  readonly identities: ReadonlyMap<string, string>;
}

const REMEMBERED_MAX = 16;
/** Of what a plan comes to: variables that double each other fill any memory. */
const LENGTH_MAX = 256 * 1024;

/**
 * The plans of the last builds. A plan is a pure function of what is asked, of names and of images: who asks the same once more, as
 * most do who build, is given the same plan if names and images still are the same. In memory only.
 */
export class KnownPlans {
  readonly #plans = new Map<Digest, KnownPlan>();

  /** @param asked as `askedOf()` has it. The caller sees to names and images */
  find(asked: Digest): KnownPlan | undefined {
    return this.#plans.get(asked);
  }

  add(asked: Digest, known: KnownPlan): void {
    this.#plans.delete(asked);
    if (lengthOf(known) > LENGTH_MAX) return;
    this.#plans.set(asked, known);
    if (this.#plans.size > REMEMBERED_MAX) this.#plans.delete(this.#plans.keys().next().value!);
  }
}

function lengthOf({ plan, graph }: KnownPlan): number {
  return JSON.stringify([plan.stages, ...graph.vertices.values()]).length;
}

/** All that decides on a plan and can be told before anything is looked for. */
export function askedOf(
  { text, ignore }: Definition,
  { target, buildArgs, labels, contexts, noCache, call }: BuildRequest,
  platform: Platform,
  contextImages: ReadonlyMap<string, FoundImage>,
): Digest {
  return digestOf(
    JSON.stringify([
      ...[text, ignore?.lines, target, [...buildArgs], [...labels], platform],
      [...contexts.keys()],
      [...contextImages].map(([name, image]) => [name, identityOf(image)]),
      typeof noCache === "boolean" ? noCache : [...noCache],
      call === "check",
    ]),
  );
}

/** Its configuration, and what it is called in the graph. */
export const identityOf = ({ id, manifestDigest }: FoundImage): string => `${id} ${manifestDigest}`;
