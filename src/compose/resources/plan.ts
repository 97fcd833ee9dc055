import type { Network, Volume } from "../../wire/index.ts";
import type { Application } from "../application.ts";
import { LABEL } from "../labels.ts";
import type { ProjectNetwork, ProjectVolume } from "../model/index.ts";
import { networkHash, volumeHash } from "../project/index.ts";

/**
 * What is to be done so that a resource is there as the project wants it. `keep`: as it is. `rename`: what carries the
 * project's labels has another name by now, so a new one is made; an old network is removed where nobody uses it any
 * more, an old volume is left. `external`: made by somebody else, and only looked for.
 */
export type ResourceAction = "keep" | "create" | "recreate" | "rename" | "external";

export interface NetworkPlan {
  /** Its name in the Compose file. */
  readonly key: string;
  readonly network: ProjectNetwork & { readonly name: string };
  readonly action: ResourceAction;
  /** What is there. */
  readonly found?: Network;
}

export interface VolumePlan {
  readonly key: string;
  readonly volume: ProjectVolume & { readonly name: string };
  readonly action: ResourceAction;
  readonly found?: Volume;
}

/**
 * Compares the project's networks with those the engine has of it. Nothing is asked, nothing is done: whether what is to be
 * made is there under somebody else's label, and whether what is external is there, turns out when it is carried out.
 */
export function planNetworks({ project }: Application, found: readonly Network[]): NetworkPlan[] {
  return Object.entries(project.networks).map(([key, network]) => {
    const named = { ...network, name: network.name ?? key };
    return { key, network: named, ...decide(key, named, networkHash(named), LABEL.network, found) };
  });
}

/** The same for its volumes. */
export function planVolumes({ project }: Application, found: readonly Volume[]): VolumePlan[] {
  return Object.entries(project.volumes).map(([key, volume]) => {
    const named = { ...volume, name: volume.name ?? key };
    return { key, volume: named, ...decide(key, named, volumeHash(named), LABEL.volume, found) };
  });
}

function decide<R extends Pick<Network, "Name" | "Labels">>(
  key: string,
  wanted: { readonly name: string; readonly external?: boolean },
  hash: string,
  keyLabel: string,
  all: readonly R[],
): { action: ResourceAction; found?: R } {
  if (wanted.external === true) return { action: "external" };
  // Several may carry the key after it was renamed: the one with the right name, else always the same.
  const candidates = all.filter(({ Labels }) => Labels?.[keyLabel] === key).sort(byName);
  const byRightName = all.find(({ Name }) => Name === wanted.name);
  const found = candidates.find(({ Name }) => Name === wanted.name) ?? candidates[0] ?? byRightName;
  if (found === undefined) return { action: "create" };
  const had = found.Labels?.[LABEL.configHash];
  // Without a hash it was made by something that does not know of it: taken as it is.
  if (!had || had === hash) return { action: "keep", found };
  return { action: found.Name === wanted.name ? "recreate" : "rename", found };
}

const byName = (a: { readonly Name: string }, b: { readonly Name: string }): number =>
  a.Name < b.Name ? -1 : 1;
