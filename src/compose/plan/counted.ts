import type { Service } from "../model/index.ts";
import { ServiceSchema } from "../model/service.ts";
import { byBytes } from "../project/render/key-order.ts";
import { Presenter, type Shown } from "../project/render/shown.ts";

/** A service in what counts for the configuration hash. */
function countedService(service: Service): Service {
  const { build, pull_policy, scale, depends_on, profiles, deploy, ...rest } = service;
  const counted: Service = rest;
  if (deploy !== undefined && deploy !== null) {
    const { replicas, ...others } = deploy;
    counted.deploy = others;
  }
  return counted;
}

/** Its attributes in the order and form in which they are hashed. */
export function countedAttributes(service: Service): ReadonlyMap<string, Shown> {
  return new Presenter("json", byBytes).show(countedService(service), ServiceSchema) as ReadonlyMap<
    string,
    Shown
  >;
}
