import type { StepNetwork, StepNetworks } from "../build/index.ts";
import { log, messageOf, newId, shortId } from "../lib/index.ts";
import type { Networks } from "../networks/index.ts";

/** After so long the step's program is on its way, and the daemon has time for the next one's network. */
const SPARE_AFTER_MS = 8;
/** A network that no step wanted so long is given back. */
const SPARE_KEPT_MS = 1000;
const DEFAULT_MODE = "default";

interface Wish {
  readonly mode: string;
  readonly hostname: string;
  readonly extraHosts: readonly string[];
}

/**
 * Where a build's steps run: the default bridge, the host's network, none, or one of the engine's networks. Each step gets
 * a network of its own. On the default bridge the next one is made while a step runs, since a step is seldom the last.
 */
export class BuildNetworks implements StepNetworks, AsyncDisposable {
  readonly #networks: Pick<Networks, "attach" | "release">;
  #spare: { readonly wish: string; readonly network: StepNetwork } | undefined;
  #spareTimer: ReturnType<typeof setTimeout> | undefined;
  #making: Promise<void> = Promise.resolve();
  #closed = false;

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
    const wish: Wish = { mode, hostname, extraHosts };
    if (mode !== DEFAULT_MODE) return await this.#attach(wish);
    const spare = this.#spare;
    const fits = spare?.wish === JSON.stringify(wish);
    if (fits) this.#spare = undefined;
    this.#makeSpareLater(wish);
    return fits ? spare!.network : await this.#attach(wish);
  }

  async #attach({ mode, hostname, extraHosts }: Wish): Promise<StepNetwork> {
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

  #makeSpareLater(wish: Wish): void {
    this.#later(SPARE_AFTER_MS, async () => {
      if (this.#spare?.wish !== JSON.stringify(wish)) {
        await this.#dropSpare();
        this.#spare = { wish: JSON.stringify(wish), network: await this.#attach(wish) };
      }
      this.#later(SPARE_KEPT_MS, () => this.#dropSpare());
    });
  }

  /** One thing at a time; what was to be done later is replaced. */
  #later(afterMs: number, work: () => Promise<void>): void {
    clearTimeout(this.#spareTimer);
    if (this.#closed) return;
    this.#spareTimer = setTimeout(() => {
      this.#making = this.#making.then(work).catch((error: unknown) => {
        // Whoever needs a network is told by the attempt of its own.
        log.debug("cannot prepare a step's network", { error: messageOf(error) });
      });
    }, afterMs);
    this.#spareTimer.unref();
  }

  async #dropSpare(): Promise<void> {
    const spare = this.#spare;
    this.#spare = undefined;
    await spare?.network[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#spareTimer);
    await this.#making;
    await this.#dropSpare();
  }
}
