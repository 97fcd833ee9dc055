import type { Digest } from "../../lib/index.ts";
import type { CacheRecords } from "../cache/records.ts";
import type { HeldLayers } from "../ports.ts";

/**
 * Files of contexts that steps mount, as layers by their contents: made once, for all steps and builds that mount the same. They
 * are part of the cache, and go with it.
 */
export class SourceLayers {
  readonly #records: CacheRecords;
  readonly #making = new Map<Digest, Promise<unknown>>();

  constructor(records: CacheRecords) {
    this.#records = records;
  }

  /** The layer of these contents; where there is none yet it is made, by one at a time. Dispose of it. */
  async hold(key: Digest, description: string, make: () => Promise<HeldLayers>): Promise<HeldLayers> {
    // Whoever makes it may fail, or be told to stop, which is nothing to others.
    while (this.#making.has(key)) await this.#making.get(key)!.catch(() => {});
    const known = await this.#records.find(key);
    if (known !== undefined) {
      const { record } = known;
      this.#records.touch([record.id]);
      return { layers: record.layers, [Symbol.dispose]: () => known[Symbol.dispose]() };
    }
    // Somebody else may have been as quick.
    if (this.#making.has(key)) return await this.hold(key, description, make);
    const making = make();
    this.#making.set(key, making);
    try {
      const made = await making;
      this.#records.add({
        key,
        layers: made.layers,
        newLayers: made.layers,
        parents: [],
        type: "source.local",
        description,
        createdMs: Date.now(),
      });
      return made;
    } finally {
      this.#making.delete(key);
    }
  }
}
