import type { NetworkDriver } from "./driver.ts";
import type { NetworkRecord } from "./records.ts";

/** `host` and `none`: networks of which nothing has to be made. */
export class PassiveDriver implements NetworkDriver {
  readonly name: string;

  constructor(name: "host" | "null") {
    this.name = name;
  }

  async open(network: NetworkRecord): Promise<NetworkRecord> {
    return network;
  }

  async mend(): Promise<boolean> {
    return false;
  }

  async close(): Promise<void> {}

  join(): void {}

  defaultRoute(): undefined {
    return undefined;
  }

  publishes(): void {}

  async leave(): Promise<void> {}
}
