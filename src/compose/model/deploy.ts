import {
  Bytes,
  but,
  Duration,
  decimal,
  integer,
  kept,
  list,
  oneOf,
  Pairs,
  type Static,
  struct,
  Text,
  Texts,
} from "./schema.ts";
import { DeviceRequestSchema } from "./shared.ts";

export const UpdateConfigSchema = struct({
  parallelism: kept(integer()),
  delay: Duration,
  failure_action: Text,
  monitor: Duration,
  max_failure_ratio: decimal(),
  order: oneOf("start-first", "stop-first"),
});
export type UpdateConfig = Static<typeof UpdateConfigSchema>;

export const GenericResourceSchema = struct({
  discrete_resource_spec: struct({ kind: kept(Text), value: kept(integer()) }),
});

export const LimitsSchema = struct({ cpus: decimal(), memory: Bytes, pids: integer() });
export const ReservationsSchema = struct({
  cpus: decimal(),
  memory: Bytes,
  devices: list(DeviceRequestSchema),
  generic_resources: list(GenericResourceSchema),
});

export const ResourcesSchema = struct({ limits: kept(LimitsSchema), reservations: kept(ReservationsSchema) });
export type Resources = Static<typeof ResourcesSchema>;

export const RestartPolicySchema = struct({
  condition: Text,
  delay: kept(Duration),
  max_attempts: kept(integer()),
  window: kept(Duration),
});
export type RestartPolicy = Static<typeof RestartPolicySchema>;

export const PlacementSchema = struct({
  constraints: Texts,
  preferences: list(struct({ spread: Text })),
  max_replicas_per_node: integer(),
});

/** What an orchestrator would do with the service; on one machine: replicas, resources, restarts. */
export const DeploySchema = struct(
  {
    mode: Text,
    replicas: kept(integer()),
    labels: Pairs,
    update_config: kept(UpdateConfigSchema),
    rollback_config: kept(UpdateConfigSchema),
    resources: but(ResourcesSchema, { always: true }),
    restart_policy: kept(RestartPolicySchema),
    placement: but(PlacementSchema, { always: true }),
    endpoint_mode: Text,
  },
  { nullable: true },
);
export type Deploy = Static<typeof DeploySchema>;
