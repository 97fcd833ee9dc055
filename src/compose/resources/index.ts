export {
  type EnsuredNetworks,
  type EnsureNetworksOptions,
  ensureNetworks,
  removeNetworks,
} from "./networks.ts";
export {
  type NetworkPlan,
  planNetworks,
  planVolumes,
  type ResourceAction,
  type VolumePlan,
} from "./plan.ts";
export {
  type EnsuredVolumes,
  type EnsureVolumesOptions,
  ensureVolumes,
  recreateQuestion,
  removeVolumes,
} from "./volumes.ts";
