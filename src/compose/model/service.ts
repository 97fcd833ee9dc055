import { BuildSchema } from "./build.ts";
import { DeploySchema } from "./deploy.ts";
import { DevelopSchema } from "./develop.ts";
import { DeviceSchema, VolumeMountSchema } from "./mounts.ts";
import {
  AnyText,
  Bytes,
  but,
  Command,
  Distinct,
  Duration,
  decimal,
  Flag,
  HealthTest,
  Hosts,
  integer,
  kept,
  list,
  map,
  matching,
  Options,
  OptOut,
  oneOf,
  Pairs,
  RepeatedOptions,
  type Static,
  StrictFlag,
  struct,
  Text,
  TextOrNull,
  TextOrSet,
  Texts,
  Variables,
} from "./schema.ts";
import {
  FileMountSchema,
  GpuRequestSchema,
  HookSchema,
  LoggingSchema,
  PreStartHookSchema,
  Ulimits,
} from "./shared.ts";

export const HealthcheckSchema = struct({
  test: HealthTest,
  timeout: kept(Duration),
  interval: kept(Duration),
  retries: kept(integer({ minimum: 0 })),
  start_period: kept(Duration),
  start_interval: kept(Duration),
  disable: Flag,
});
export type Healthcheck = Static<typeof HealthcheckSchema>;

export const DependencySchema = struct(
  {
    condition: oneOf("service_started", "service_healthy", "service_completed_successfully"),
    /** Restarted with it. */
    restart: Flag,
    /** Whether this service can do without it. */
    required: kept(StrictFlag),
  },
  { required: ["condition", "required"], defaults: { required: true, condition: "service_started" } },
);
export type Dependency = Static<typeof DependencySchema>;

export const PortSchema = struct(
  {
    name: Text,
    mode: Text,
    host_ip: Text,
    target: integer({ minimum: 0, maximum: 65535 }),
    /** A port, or a range of ports to choose from. */
    published: AnyText,
    protocol: Text,
    app_protocol: Text,
  },
  { required: ["target"], defaults: { mode: "ingress", protocol: "tcp" } },
);
export type Port = Static<typeof PortSchema>;

export const ServiceNetworkSchema = struct(
  {
    aliases: Distinct,
    driver_opts: Options,
    gw_priority: decimal({ strict: true }),
    interface_name: Text,
    ipv4_address: Text,
    ipv6_address: Text,
    link_local_ips: Distinct,
    mac_address: Text,
    priority: decimal({ strict: true }),
  },
  { nullable: true },
);
export type ServiceNetwork = Static<typeof ServiceNetworkSchema>;

export const EnvFileSchema = struct(
  { path: but(Text, { path: "file" }), required: OptOut, format: Text },
  { required: ["path"], short: "env-file", extensions: false },
);
export type EnvFile = Static<typeof EnvFileSchema>;

const throttled = struct(
  { path: but(kept(Text), { jsonName: "Path" }), rate: but(kept(Bytes), { jsonName: "Rate" }) },
  { extensions: false },
);
const weighted = struct(
  {
    path: but(kept(Text), { jsonName: "Path" }),
    weight: but(kept(integer({ minimum: 0, maximum: 65535 })), { jsonName: "Weight" }),
  },
  { extensions: false },
);
export const BlkioSchema = struct(
  {
    weight: integer({ minimum: 0, maximum: 65535 }),
    weight_device: list(weighted),
    device_read_bps: list(throttled),
    device_read_iops: list(throttled),
    device_write_bps: list(throttled),
    device_write_iops: list(throttled),
  },
  { extensions: false },
);

const PULL_POLICY =
  /^(always|never|build|if_not_present|missing|refresh|daily|weekly|every_([0-9]+[wdhms])+)$/;

/**
 * A service, with every attribute of the Compose Specification. The fields stand in the order in which they are shown,
 * which is also the order in which they count for the configuration hash.
 */
export const ServiceSchema = struct({
  profiles: Distinct,
  annotations: Pairs,
  attach: kept(Flag),
  build: kept(BuildSchema),
  develop: kept(DevelopSchema),
  blkio_config: kept(BlkioSchema),
  cap_add: Distinct,
  cap_drop: Distinct,
  cgroup_parent: Text,
  cgroup: oneOf("host", "private"),
  cpu_count: integer({ minimum: 0 }),
  cpu_percent: decimal({ minimum: 0, maximum: 100 }),
  cpu_period: integer(),
  cpu_quota: integer(),
  cpu_rt_period: integer(),
  cpu_rt_runtime: integer(),
  cpus: decimal(),
  cpuset: Text,
  cpu_shares: integer(),
  command: Command,
  configs: list(FileMountSchema, { unique: "config" }),
  container_name: matching(/[a-zA-Z0-9][a-zA-Z0-9_.-]+/),
  credential_spec: kept(struct({ config: Text, file: Text, registry: Text })),
  depends_on: map(DependencySchema, { fromList: "dependency" }),
  deploy: kept(DeploySchema),
  device_cgroup_rules: Texts,
  devices: list(DeviceSchema, { unique: "target" }),
  dns: TextOrSet,
  dns_opt: Distinct,
  dns_search: TextOrSet,
  domainname: Text,
  entrypoint: Command,
  provider: kept(struct({ type: Text, options: RepeatedOptions }, { required: ["type"] })),
  environment: Variables,
  env_file: list(EnvFileSchema, { lone: true, unique: "path" }),
  expose: list(AnyText, { unique: "self" }),
  extends: struct(
    { file: Text, service: Text },
    { required: ["service"], short: "extends", extensions: false },
  ),
  external_links: Texts,
  extra_hosts: Hosts,
  group_add: list(AnyText),
  gpus: list(GpuRequestSchema, { short: "gpus" }),
  hostname: Text,
  healthcheck: kept(HealthcheckSchema),
  image: Text,
  init: kept(Flag),
  ipc: Text,
  isolation: Text,
  labels: Pairs,
  label_file: list(but(Text, { path: "file" }), { lone: true }),
  links: Distinct,
  logging: kept(LoggingSchema),
  mem_limit: Bytes,
  mem_reservation: Bytes,
  memswap_limit: Bytes,
  mem_swappiness: Bytes,
  mac_address: Text,
  models: map(struct({ endpoint_var: Text, model_var: Text }, { nullable: true }), { fromList: "null" }),
  network_mode: Text,
  networks: map(ServiceNetworkSchema, { fromList: "null", nullable: true }),
  oom_kill_disable: Flag,
  oom_score_adj: integer({ minimum: -1000, maximum: 1000 }),
  pid: TextOrNull,
  pids_limit: integer(),
  platform: Text,
  ports: list(PortSchema, { unique: "port", short: "ports" }),
  privileged: Flag,
  pull_policy: matching(PULL_POLICY),
  read_only: Flag,
  restart: Text,
  runtime: Text,
  scale: kept(integer()),
  secrets: list(FileMountSchema, { unique: "secret" }),
  security_opt: Texts,
  shm_size: Bytes,
  stdin_open: Flag,
  stop_grace_period: kept(Duration),
  stop_signal: Text,
  storage_opt: Options,
  sysctls: Pairs,
  tmpfs: TextOrSet,
  tty: Flag,
  ulimits: Ulimits,
  use_api_socket: StrictFlag,
  user: Text,
  userns_mode: Text,
  uts: Text,
  volumes: list(VolumeMountSchema, { unique: "target" }),
  volumes_from: Texts,
  working_dir: Text,
  pre_start: list(PreStartHookSchema),
  post_start: list(HookSchema),
  pre_stop: list(HookSchema),
  /** Checked, and not kept: the reference implementation does nothing with it either. */
  pull_refresh_after: Text,
});
export type Service = Static<typeof ServiceSchema>;
