import type { ServiceContainer } from "../state/index.ts";

/** The containers of a project while they are changed: who needs another's container finds the one of now. */
export class LiveContainers {
  readonly #byId: Map<string, ServiceContainer>;

  constructor(containers: readonly ServiceContainer[]) {
    this.#byId = new Map(containers.map((container) => [container.id, container]));
  }

  /** Those of a service, by their numbers; none of `run`. */
  of(service: string): ServiceContainer[] {
    return this.all()
      .filter((one) => one.service === service && !one.oneOff)
      .sort((a, b) => a.number - b.number);
  }

  all(): ServiceContainer[] {
    return [...this.#byId.values()];
  }

  /** A new one, or another state of one that is there. */
  set(container: ServiceContainer): void {
    this.#byId.set(container.id, container);
  }

  delete({ id }: ServiceContainer): void {
    this.#byId.delete(id);
  }
}
