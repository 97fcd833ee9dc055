import {
  but,
  External,
  Flag,
  integer,
  kept,
  list,
  Options,
  Pairs,
  type Static,
  struct,
  Text,
  Texts,
} from "./schema.ts";

const IpamPoolSchema = struct({ subnet: Text, gateway: Text, ip_range: Text, aux_addresses: Options });

const IpamSchema = struct(
  { driver: Text, config: list(IpamPoolSchema, { merge: "subnets" }), options: Options },
  { always: true },
);

/** A network of the project. */
export const NetworkSchema = struct(
  {
    name: Text,
    driver: Text,
    driver_opts: Options,
    ipam: IpamSchema,
    external: External,
    internal: Flag,
    attachable: Flag,
    labels: Pairs,
    enable_ipv4: kept(Flag),
    enable_ipv6: kept(Flag),
  },
  { nullable: true },
);
export type ProjectNetwork = Static<typeof NetworkSchema>;

/** A volume of the project. */
export const VolumeSchema = struct(
  { name: Text, driver: Text, driver_opts: Options, external: External, labels: Pairs },
  { nullable: true },
);
export type ProjectVolume = Static<typeof VolumeSchema>;

/** What both secrets and configs are: a file's content, and where it comes from. */
const fileObject = {
  name: Text,
  file: but(Text, { path: "bind" }),
  /** A variable that holds the content. */
  environment: Text,
  content: Text,
  external: External,
  labels: Pairs,
  driver: Text,
  driver_opts: Options,
  template_driver: Text,
};
const { driver: _, driver_opts: _1, ...withoutDriver } = fileObject;

/** A secret of the project; `content` is what its variable holds. */
export const SecretSchema = struct({ ...fileObject, content: but(Text, { internal: true }) });
export type ProjectSecret = Static<typeof SecretSchema>;
export const ConfigSchema = struct(withoutDriver);
export type ProjectConfig = Static<typeof ConfigSchema>;

/** A language model: read and shown, and refused when it is to be run. */
export const ModelSchema = struct(
  { name: Text, model: Text, context_size: integer({ strict: true }), runtime_flags: Texts },
  { required: ["model"] },
);
export type ProjectModel = Static<typeof ModelSchema>;
