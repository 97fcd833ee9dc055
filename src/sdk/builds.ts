import type { BuildPruneResponse } from "../wire/index.ts";
import type { BuildCall, BuildOptions, BuildResult, BuildWarning } from "./builds/options.ts";
import type { Engine } from "./engine.ts";
import type { PruneBuildsOptions } from "./system.ts";

/** Loaded when something is built, and not before: a build needs much that nothing else needs. */
const way = () => import("./builds/run.ts");

/** Images from Dockerfiles. */
export class Builds {
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /**
   * Builds an image, in the best way that the engine knows: with BuildKit it asks for the files that it needs, and for
   * secrets, ssh agents and credentials when a step does; without, the whole context is sent.
   *
   * ```ts
   * const { imageId } = await engine.builds.run({ context: ".", tags: ["app"] });
   * await engine.builds.run({ context: { Dockerfile: "FROM busybox\nCOPY . /www\n", "index.html": "hello" } });
   * ```
   * @throws BuildError where a step or the Dockerfile fails
   */
  async run(options: BuildOptions): Promise<BuildResult> {
    return (await way()).runBuild(this.#engine, options);
  }

  /**
   * Builds nothing, and tells what a target can be given (`outline`), what can be built (`targets`) or what could be better
   * (`check`), as BuildKit has it in JSON. Needs an engine of ours.
   */
  async describe(call: BuildCall, options: BuildOptions): Promise<unknown> {
    return (await way()).describeBuild(this.#engine, call, options);
  }

  /** Removes what builds have kept: what no image needs, or all of it. */
  prune(options?: PruneBuildsOptions): Promise<BuildPruneResponse> {
    return this.#engine.system.pruneBuildCache(options);
  }

  /** Builds nothing, and tells what could be better in the Dockerfile. Needs an engine with BuildKit. */
  async check(options: BuildOptions): Promise<readonly BuildWarning[]> {
    return (await way()).checkBuild(this.#engine, options);
  }
}
