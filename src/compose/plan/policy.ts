import type { ServiceContainer } from "../state/index.ts";
import type { RecreatePolicy } from "./containers.ts";

export interface RecreateChoice {
  readonly services?: readonly string[] | undefined;
  readonly forceRecreate?: boolean | undefined;
  readonly noRecreate?: boolean | undefined;
  readonly alwaysRecreateDeps?: boolean | undefined;
  readonly renewAnonVolumes?: boolean | undefined;
}

/** Services that were named, all where none was, are one thing; those that they depend on another. */
export function recreatePolicy(choice: RecreateChoice): (service: string) => RecreatePolicy {
  const named = new Set(choice.services);
  const policy = (force: boolean | undefined): RecreatePolicy => {
    if (choice.noRecreate === true) return "never";
    return force === true ? "force" : "diverged";
  };
  // New volumes need new containers.
  const own = policy(choice.forceRecreate === true || choice.renewAnonVolumes === true);
  const dependencies = policy(choice.alwaysRecreateDeps);
  return (service) => (named.size === 0 || named.has(service) ? own : dependencies);
}

/** Docker Compose's words for containers that nobody asked for; undefined where they go, or nobody minds. */
export function orphanWarning(
  orphans: readonly ServiceContainer[],
  choice: { readonly removeOrphans?: boolean | undefined; readonly ignoreOrphans?: boolean | undefined },
): string | undefined {
  if (orphans.length === 0 || choice.removeOrphans === true || choice.ignoreOrphans === true)
    return undefined;
  const names = orphans.map(({ name }) => name).join(", ");
  return (
    `Found orphan containers (${names}) for this project. If you removed or renamed this service in your compose file, ` +
    "you can run this command with the --remove-orphans flag to clean it up."
  );
}
