import { log, messageOf, systemError } from "../../lib/index.ts";
import type { Family } from "../cidr.ts";
import { type HolderOf, publishedElsewhere } from "./elsewhere.ts";
import {
  addElement,
  apartElements,
  deleteElement,
  type Element,
  networkElements,
  publicationElements,
  publicationKey,
  rulesetScript,
} from "./nft-ruleset.ts";
import type { FilteredNetwork, PacketFilter, Publication } from "./packet-filter.ts";

/** What executes nft's scripts: one call is one transaction. */
export interface RuleRunner {
  /**
   * @returns what `list` commands in it printed
   * @throws with nft's message; then nothing of the script was done
   */
  run(script: string): string;
  /** Another number after every transaction on this host, whoever made it. */
  generation(): number;
  close(): void;
}

export interface NftFilterOptions {
  /** Name of the table, and of the daemon's instance. */
  readonly table: string;
  readonly runner: RuleRunner;
  /** Packets of others are left alone (daemon.json's `iptables`, `ip6tables`). */
  readonly families: ReadonlySet<Family>;
  /** Keeps the rules of the chain `user`, which outlive the table. */
  readonly userRules: { load(): readonly string[]; save(rules: readonly string[]): void };
}

/** The user's own. */
const USER_CHAIN = "user";
/** Ours, which nobody else has to touch. */
const CHAINS = ["prerouting", "output", "publish", "postrouting", "forward", "into_network", "loopback_out"];

/** One waiting transaction; everybody whose change is in it waits for the same promise. */
interface Batch {
  readonly script: string[];
  readonly done: Promise<void>;
  readonly settle: { resolve: () => void; reject: (error: unknown) => void };
}

/** The packet filter made of one nftables table. */
export class NftFilter implements PacketFilter {
  readonly #options: NftFilterOptions;
  readonly #networks = new Map<string, FilteredNetwork>();
  readonly #apart = { 4: new Set<string>(), 6: new Set<string>() };
  readonly #publications = new Map<string, Publication>();
  #batch: Batch | undefined;
  #open = false;
  /** The chains as nft printed them right after they were made. */
  #built: ReadonlyMap<string, string | undefined> = new Map();
  #looks = 0;
  /** The host's generation up to which all transactions were ours or have been looked into. */
  #seen = -1;
  /** What others publish, and the host's generation up to which that is known. */
  #elsewhere: HolderOf = () => undefined;
  #known = -1;
  /** Chains still to be looked at, since somebody has changed something. */
  #toLookAt = CHAINS.length;

  constructor(options: NftFilterOptions) {
    this.#options = options;
  }

  async open(): Promise<void> {
    this.#rebuild();
    this.#open = true;
  }

  keepApart(family: Family, interfaces: readonly string[]): Promise<void> {
    const fresh = interfaces.filter((name) => !this.#apart[family].has(name));
    for (const name of fresh) this.#apart[family].add(name);
    return this.#change(this.#additions(apartElements(family, fresh)));
  }

  addNetwork(network: FilteredNetwork): Promise<void> {
    const old = this.#networks.get(network.bridge);
    this.#networks.set(network.bridge, network);
    return this.#change([
      ...this.#deletions(old === undefined ? [] : networkElements(old)),
      ...this.#additions(networkElements(network)),
    ]);
  }

  removeNetwork(bridge: string): Promise<void> {
    const network = this.#networks.get(bridge);
    if (network === undefined) return Promise.resolve();
    this.#networks.delete(bridge);
    return this.#change(this.#deletions(networkElements(network)));
  }

  publish(publications: readonly Publication[]): Promise<void> {
    const script: string[] = [];
    for (const publication of publications) {
      const key = publicationKey(publication);
      const old = this.#publications.get(key);
      if (old !== undefined) script.push(...this.#deletions(publicationElements(old)));
      this.#publications.set(key, publication);
      script.push(...this.#additions(publicationElements(publication)));
    }
    return this.#change(script);
  }

  unpublish(publications: readonly Publication[]): Promise<void> {
    const script: string[] = [];
    for (const publication of publications) {
      const key = publicationKey(publication);
      const old = this.#publications.get(key);
      if (old === undefined) continue;
      this.#publications.delete(key);
      script.push(...this.#deletions(publicationElements(old)));
    }
    return this.#change(script);
  }

  elsewhere(): HolderOf {
    const { runner, table } = this.#options;
    const generation = runner.generation();
    if (generation !== this.#known) this.#elsewhere = publishedElsewhere(runner, table);
    this.#known = generation;
    return this.#elsewhere;
  }

  async verify(): Promise<boolean> {
    if (!this.#open || this.#stands()) return false;
    log.warn("somebody else has removed or changed the packet filter's rules; putting them back", {
      table: this.#options.table,
    });
    this.#rebuild();
    return true;
  }

  async close(options: { keep: boolean }): Promise<void> {
    await this.#batch?.done.catch(() => {});
    if (!this.#open) return;
    this.#keepUserRules(this.#list(USER_CHAIN));
    this.#open = false;
    if (!options.keep) this.#options.runner.run(removalScript(this.#options.table));
    this.#options.runner.close();
  }

  #additions(elements: readonly Element[]): string[] {
    return elements.map((element) => addElement(this.#options.table, element));
  }

  #deletions(elements: readonly Element[]): string[] {
    return elements.map((element) => deleteElement(this.#options.table, element));
  }

  /** Joins the transaction that runs when this turn of the event loop is over. */
  #change(script: readonly string[]): Promise<void> {
    if (script.length === 0 || !this.#open) return Promise.resolve();
    this.#batch ??= this.#newBatch();
    this.#batch.script.push(...script);
    return this.#batch.done;
  }

  #newBatch(): Batch {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    setImmediate(() => this.#runBatch());
    return { script: [], done: promise, settle: { resolve, reject } };
  }

  #runBatch(): void {
    const batch = this.#batch;
    this.#batch = undefined;
    if (batch === undefined) return;
    try {
      this.#run(batch.script.join(""));
      batch.settle.resolve();
    } catch (error) {
      batch.settle.reject(error);
    }
  }

  /** A change that does not fit what is there means that somebody else was at the table: then all of it is made anew. */
  #run(script: string): void {
    try {
      this.#runOurs(script);
    } catch (error) {
      log.debug("a change of the packet filter failed; rebuilding it", { reason: messageOf(error) });
      this.#rebuild();
    }
  }

  #runOurs(script: string): void {
    const { runner } = this.#options;
    const before = runner.generation();
    runner.run(script);
    const after = runner.generation();
    if (before === this.#seen) this.#seen = after;
    if (before === this.#known) this.#known = after;
  }

  #rebuild(): void {
    const { table, userRules, families } = this.#options;
    this.#keepUserRules(this.#list(USER_CHAIN));
    const script = rulesetScript({
      table,
      networks: this.#networks.values(),
      publications: this.#publications.values(),
      userRules: userRules.load(),
      apart: this.#apart,
      families,
    });
    try {
      this.#runOurs(script);
    } catch (error) {
      throw systemError(`cannot set up the packet filter: ${messageOf(error)}`, error);
    }
    this.#built = new Map(CHAINS.map((chain) => [chain, this.#list(chain)]));
  }

  /**
   * While nobody but us has changed anything on this host, nothing need be looked at. Else, one of our chains each time
   * it is called, in turn, and the user's: a flush empties all of them, so the first look finds it, and nft reads every
   * element of the table to list any chain, which is not free with a thousand ports.
   */
  #stands(): boolean {
    const generation = this.#options.runner.generation();
    if (generation !== this.#seen) this.#toLookAt = CHAINS.length;
    this.#seen = generation;
    if (this.#toLookAt === 0) return true;
    this.#toLookAt--;
    this.#looks = (this.#looks + 1) % CHAINS.length;
    const chain = CHAINS[this.#looks]!;
    const found = this.#list(chain);
    if (found === undefined || found !== this.#built.get(chain)) return false;
    this.#keepUserRules(this.#list(USER_CHAIN));
    return true;
  }

  /** A chain as nft prints it; undefined where it is missing. */
  #list(chain: string): string | undefined {
    try {
      return this.#options.runner.run(`list chain inet ${this.#options.table} ${chain}\n`);
    } catch {
      return undefined;
    }
  }

  /** So that a flush of the whole rule set, which takes the user's chain too, does not lose its rules. */
  #keepUserRules(listing: string | undefined): void {
    const rules = listing === undefined ? undefined : rulesIn(listing);
    // All chains emptied at once: that was not the user who gave up his rules.
    if (rules?.length === 0 && rulesIn(this.#list("forward") ?? "")?.length === 1) return;
    if (rules === undefined || rules.join("\n") === this.#options.userRules.load().join("\n")) return;
    this.#options.userRules.save(rules);
  }
}

/** What nft lists within a chain, without the chain's comment; a base chain's hook is the first line. */
function rulesIn(listing: string): string[] | undefined {
  const body = /\n\tchain \S+ \{\n([\s\S]*?)^\t\}$/m.exec(listing)?.[1];
  return body
    ?.split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("comment "));
}

function removalScript(table: string): string {
  return `add table inet ${table}\ndelete table inet ${table}\n`;
}
