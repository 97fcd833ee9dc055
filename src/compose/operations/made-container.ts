import type { NamedService } from "../application.ts";
import { LABEL } from "../labels.ts";
import type { ServiceContainer } from "../state/index.ts";

/** What a container was made with. */
export interface Made {
  readonly id: string;
  readonly name: string;
  readonly service: NamedService;
  readonly number: number;
  readonly hash: string;
  readonly imageDigest: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** A container that has just been made, as the list of containers would tell it: what is known is not asked for. */
export function madeContainer({
  id,
  name,
  service,
  number,
  hash,
  imageDigest,
  labels,
}: Made): ServiceContainer {
  const all = {
    ...service.labels,
    [LABEL.service]: service.name,
    [LABEL.containerNumber]: String(number),
    [LABEL.oneoff]: "False",
    [LABEL.configHash]: hash,
    ...labels,
  };
  return {
    id,
    name,
    service: service.name,
    number,
    oneOff: false,
    state: "created",
    hash,
    imageDigest,
    dependsOn: Object.entries(service.depends_on ?? {}).map(([other, { condition, restart = false }]) => ({
      service: other,
      condition,
      restart,
    })),
    labels: all,
    justMade: true,
    summary: {
      Id: id,
      Names: [`/${name}`],
      Image: service.image ?? "",
      ImageID: imageDigest,
      Command: "",
      Created: Math.trunc(Date.now() / 1000),
      Ports: [],
      Labels: all,
      State: "created",
      Status: "Created",
      HostConfig: {},
      NetworkSettings: { Networks: {} },
      Mounts: [],
    },
  };
}
