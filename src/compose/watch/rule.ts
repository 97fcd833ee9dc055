import { realpathSync } from "node:fs";
import { posix } from "node:path";
import { invalidParameter } from "../../lib/index.ts";
import type { NamedService } from "../application.ts";
import type { Watch } from "../model/index.ts";
import { below, buildPatterns, fits, type Patterns, passingFiles, patternsBelow } from "./patterns.ts";

/** One entry of a service's `develop.watch`: which files, and what is done when they change. */
export class WatchRule {
  readonly service: string;
  readonly watch: Watch;
  /** Links are followed, so that it is what changes are told of. */
  readonly path: string;
  readonly #ignore: readonly Patterns[];
  readonly #include: Patterns | undefined;

  constructor(service: NamedService, watch: Watch) {
    this.service = service.name;
    this.watch = watch;
    this.path = realPath(watch.path);
    const own = patternsBelow(this.path, watch.ignore ?? []);
    const ofBuild = buildPatterns(service.build);
    this.#ignore = [passingFiles, own, ...(ofBuild === undefined ? [] : [ofBuild])];
    const include = watch.include ?? [];
    this.#include = include.length === 0 ? undefined : patternsBelow(this.path, include);
  }

  get action(): Watch["action"] {
    return this.watch.action;
  }

  /** Whether files are copied into containers. */
  get syncs(): boolean {
    return this.action.startsWith("sync");
  }

  /** Whether a change of this path is the rule's business. */
  matches(path: string): boolean {
    if (below(this.path, path) === undefined) return false;
    if (this.#include !== undefined && path !== this.path && !fits(this.#include, path)) return false;
    return !this.#ignore.some((patterns) => fits(patterns, path));
  }

  /** Whether there may be something below a folder that is; what is not has not to be looked at. */
  mayMatchBelow(folder: string): boolean {
    if (below(folder, this.path) !== undefined) return true;
    if (below(this.path, folder) === undefined) return false;
    const left = this.#ignore.some(({ root, rules }) => {
      const name = below(root, folder);
      return name !== undefined && rules.leavesOut(name) && !rules.mayBringBack(name);
    });
    if (left) return false;
    if (this.#include === undefined || fits(this.#include, folder)) return true;
    return this.#include.rules.mayMatchBelow(below(this.#include.root, folder)!);
  }

  /** Where a file is to be in a container. */
  targetOf(path: string): string {
    return posix.join(this.watch.target ?? "/", below(this.path, path) ?? ".");
  }
}

/**
 * The rules of a service.
 *
 * @throws InvalidParameter in Docker Compose's words where one asks for what cannot be done.
 */
export function rulesOf(
  service: NamedService,
  options: { readonly noBuild?: boolean | undefined; readonly warn: (message: string) => void },
): WatchRule[] {
  const rules: WatchRule[] = [];
  for (const watch of service.develop?.watch ?? []) {
    const { action, path, exec } = watch;
    if (action === "rebuild" && service.build === undefined) {
      throw invalidParameter(
        `can't watch service "${service.name}" with action rebuild without a build context`,
      );
    }
    if (action === "rebuild" && options.noBuild === true) {
      throw invalidParameter(
        `--no-build is incompatible with watch action rebuild in service ${service.name}`,
      );
    }
    if (action === "sync+exec" && (exec?.command ?? []).length === 0) {
      throw invalidParameter(
        `can't watch with action "${action}" on service ${service.name} without a command`,
      );
    }
    if (action.startsWith("sync") && isBound(service, path)) {
      options.warn(`path '${path}' also declared by a bind mount volume, this path won't be monitored!`);
      continue;
    }
    rules.push(new WatchRule(service, watch));
  }
  return rules;
}

/** Whether containers see the path itself. */
function isBound({ volumes = [] }: NamedService, path: string): boolean {
  return volumes.some(({ type, source }) => type === "bind" && source && below(source, path) !== undefined);
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    // It may come later.
    return posix.resolve(path);
  }
}
