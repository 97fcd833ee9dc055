import {
  Command,
  DeviceCount,
  Distinct,
  FileMode,
  Flag,
  integer,
  list,
  map,
  Options,
  Pairs,
  type Static,
  struct,
  Text,
  Variables,
} from "./schema.ts";

/** A secret or config in a service: which, and as which file. */
export const FileMountSchema = struct(
  {
    source: Text,
    target: Text,
    uid: Text,
    gid: Text,
    mode: FileMode,
  },
  { required: ["source"], short: "file-mount" },
);
export type FileMount = Static<typeof FileMountSchema>;

/** Secrets of a build: their order is kept, doubles too. */
export const SecretMounts = list(FileMountSchema);

/** `{single}` where one number stands for both limits. */
export const UlimitSchema = struct(
  { single: integer(), soft: integer(), hard: integer() },
  { short: "ulimit", merge: "replace" },
);
export type Ulimit = Static<typeof UlimitSchema>;
export const Ulimits = map(UlimitSchema, { names: /^[a-z]+$/ });

/** Devices by capability: GPUs and their like. */
const deviceRequest = {
  capabilities: Distinct,
  driver: Text,
  count: DeviceCount,
  device_ids: Distinct,
  options: Pairs,
};
export const DeviceRequestSchema = struct(deviceRequest, { required: ["capabilities"] });
export type DeviceRequest = Static<typeof DeviceRequestSchema>;
/** In `gpus` the capability goes without saying. */
export const GpuRequestSchema = struct(deviceRequest);
export type GpuRequest = Static<typeof GpuRequestSchema>;

/** A command run in a service's container when it has started, or before it is stopped. */
export const HookSchema = struct(
  {
    command: Command,
    user: Text,
    privileged: Flag,
    working_dir: Text,
    environment: Variables,
  },
  { required: ["command"] },
);
export type Hook = Static<typeof HookSchema>;

/** A container run to its end before the service starts. */
export const PreStartHookSchema = struct({
  command: Command,
  image: Text,
  user: Text,
  privileged: Flag,
  working_dir: Text,
  environment: Variables,
  /** Once for each container of the service, not once for all. */
  per_replica: Flag,
});
export type PreStartHook = Static<typeof PreStartHookSchema>;

export const LoggingSchema = struct({ driver: Text, options: Options }, { merge: "same-driver" });
export type Logging = Static<typeof LoggingSchema>;
