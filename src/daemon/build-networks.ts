import type { StepNetwork, StepNetworks } from "../build/index.ts";
import { newId, shortId } from "../lib/index.ts";
import type { Networks } from "../networks/index.ts";

/**
 * Where a build's steps run: the default bridge, the host's network, none, or one of the engine's networks. Each step gets a
 * network of its own. (To make the next one while a step runs was tried: the kernel slows the step down by more than it saves.)
 */
export class BuildNetworks implements StepNetworks {
  readonly #networks: Pick<Networks, "attach" | "release">;

  constructor(networks: Pick<Networks, "attach" | "release">) {
    this.#networks = networks;
  }

  /** @throws NotFound for a network that is none */
  async open(
    mode: string,
    _stepId: string,
    hostname: string,
    extraHosts: readonly string[],
  ): Promise<StepNetwork> {
    const containerId = newId();
    const { namespace, hosts, resolvConf } = await this.#networks.attach({
      containerId,
      name: `build-${shortId(containerId)}`,
      hostname,
      networkMode: mode,
      networking: {},
      exposedPorts: [],
      portBindings: {},
      publishAllPorts: false,
      links: [],
      extraHosts,
      dns: [],
      dnsOptions: [],
      dnsSearch: [],
      quiet: true,
    });
    return {
      namespace,
      hosts,
      resolvConf,
      [Symbol.asyncDispose]: async () => {
        namespace?.close();
        await this.#networks.release(containerId);
      },
    };
  }
}
