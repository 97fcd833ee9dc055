import {
  NetworkSchema,
  type ProjectNetwork,
  type ProjectVolume,
  type Service,
  VolumeSchema,
} from "../model/index.ts";
import type { TSchema } from "../model/schema.ts";
import { ServiceSchema } from "../model/service.ts";
import { toJson } from "./render/json.ts";
import { byBytes } from "./render/key-order.ts";
import { Presenter } from "./render/shown.ts";

/**
 * A service's configuration hash, the label `com.docker.compose.config-hash`: the SHA-256 of its JSON as Docker Compose
 * writes it, without what does not make another container: how the image is built and pulled, how many containers there are,
 * what starts first, and profiles. The same for both tools, so either finds the other's containers unchanged.
 *
 * In a running project the service's variables are those of its `env_file`s too, and `service:x` of shared namespaces
 * has become `container:<id>`.
 */
export function serviceHash(service: Service): string {
  const { build, pull_policy, scale, depends_on, profiles, deploy, ...rest } = service;
  const counted: Service = rest;
  if (deploy !== undefined && deploy !== null) {
    const { replicas, ...others } = deploy;
    counted.deploy = others;
  }
  return hash(counted, ServiceSchema);
}

/** The label `com.docker.compose.config-hash` of a network. */
export const networkHash = (network: ProjectNetwork): string => hash(network, NetworkSchema);

/** The label `com.docker.compose.config-hash` of a volume. */
export const volumeHash = (volume: ProjectVolume): string =>
  hash({ ...volume, driver: volume.driver || "local" }, VolumeSchema);

function hash(value: object, schema: TSchema): string {
  const json = toJson(new Presenter("json", byBytes).show(value, schema));
  return new Bun.CryptoHasher("sha256").update(json).digest("hex");
}
