import { Bytes, Flag, integer, kept, OptOut, oneOf, Pairs, type Static, struct, Text } from "./schema.ts";

/** One of a service's `volumes`. */
export const VolumeMountSchema = struct(
  {
    type: oneOf("bind", "volume", "tmpfs", "cluster", "npipe", "image"),
    /** A path for `bind`, a name of the project's volumes for `volume` (none: an anonymous one), an image for `image`. */
    source: Text,
    target: Text,
    read_only: Flag,
    consistency: Text,
    bind: kept(
      struct({
        selinux: oneOf("z", "Z"),
        propagation: Text,
        create_host_path: OptOut,
        recursive: oneOf("enabled", "disabled", "writable", "readonly"),
      }),
    ),
    volume: kept(struct({ labels: Pairs, nocopy: Flag, subpath: Text })),
    tmpfs: kept(struct({ size: Bytes, mode: integer({ minimum: 0 }) })),
    image: kept(struct({ subpath: Text })),
  },
  { required: ["type", "target"], short: "volume", path: "bind" },
);
export type VolumeMount = Static<typeof VolumeMountSchema>;

/** One of a service's `devices`. */
export const DeviceSchema = struct(
  { source: Text, target: Text, permissions: Text },
  { required: ["source"], short: "device" },
);
export type Device = Static<typeof DeviceSchema>;
