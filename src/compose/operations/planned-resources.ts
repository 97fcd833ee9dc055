import type { Application } from "../application.ts";
import type { ImagePlan } from "../images/index.ts";
import type { PlannedAction } from "../plan/index.ts";
import { compareNetwork, compareVolume } from "../plan/resources.ts";
import type { NetworkPlan, VolumePlan } from "../resources/index.ts";
import { networkRequest } from "../resources/networks.ts";
import { volumeRequest } from "../resources/volumes.ts";

export function plannedImages({ pulls, builds }: ImagePlan): PlannedAction[] {
  return [
    ...pulls.map(
      ({ image, service, why }): PlannedAction => ({
        kind: "pull",
        what: `Image ${image}`,
        service,
        why: [{ text: why }],
      }),
    ),
    ...builds.map(({ image, service, why, onlyWithoutPull }): PlannedAction => {
      const text = onlyWithoutPull ? "only where it cannot be pulled" : why;
      return { kind: "build", what: `Image ${image}`, service, why: [{ text }] };
    }),
  ];
}

export function plannedNetworks(app: Application, plans: readonly NetworkPlan[]): PlannedAction[] {
  return plans.flatMap((plan): PlannedAction[] => {
    const { action, network, found } = plan;
    const what = `Network ${network.name}`;
    if (action === "create") return [{ kind: "createNetwork", what, why: [{ text: "not there yet" }] }];
    if (action !== "recreate" && action !== "rename") return [];
    const changes = found === undefined ? [] : compareNetwork(found, networkRequest(app, plan));
    const text = action === "rename" ? `was called "${found?.Name}"` : "configuration changed";
    return [{ kind: "recreateNetwork", what, why: [{ text, ...(changes.length === 0 ? {} : { changes }) }] }];
  });
}

export function plannedVolumes(app: Application, plans: readonly VolumePlan[]): PlannedAction[] {
  return plans.flatMap((plan): PlannedAction[] => {
    const { action, volume, found } = plan;
    const what = `Volume ${volume.name}`;
    if (action === "create") return [{ kind: "createVolume", what, why: [{ text: "not there yet" }] }];
    if (action === "rename") {
      return [
        {
          kind: "createVolume",
          what,
          why: [{ text: `was called "${found?.Name}", which is left with its data` }],
        },
      ];
    }
    if (action !== "recreate") return [];
    const changes = found === undefined ? [] : compareVolume(found, volumeRequest(app, plan));
    const text = "configuration changed: asked first, as its data is lost";
    return [{ kind: "recreateVolume", what, why: [{ text, ...(changes.length === 0 ? {} : { changes }) }] }];
  });
}
