/** What tests of builds share: layers that are only names, and operations that make them. */
import { type Digest, digestOf, notFound } from "../lib/index.ts";
import { openRoot } from "../linux/index.ts";
import { Database } from "../store/index.ts";
import { CacheRecords } from "./cache/index.ts";
import { planText, type TestOptions } from "./dockerfile/testing.ts";
import { type BuildGraph, type GraphOptions, graphOf, type Operation } from "./graph/index.ts";
import type { DiffId, HeldLayers, Layers } from "./ports.ts";
import type { BuildScope, LayersResult, Result, Work } from "./solve/contract.ts";
import { Lease } from "./solve/lease.ts";
import { type Operations, Scheduler } from "./solve/scheduler.ts";

/** Layers without content: those that were made are there until nothing pins or holds them and they are collected. */
export class FakeLayers implements Layers {
  readonly here = new Set<DiffId>();
  readonly inImages = new Set<DiffId>();
  readonly pins = new Map<string, readonly DiffId[]>();
  readonly holds = new Map<DiffId, number>();

  make(name: string): DiffId {
    const layer = digestOf(name) as DiffId;
    this.here.add(layer);
    return layer;
  }

  async hold(layers: readonly DiffId[]): Promise<HeldLayers> {
    for (const layer of layers) if (!this.here.has(layer)) throw notFound(`layer does not exist: ${layer}`);
    for (const layer of layers) this.holds.set(layer, (this.holds.get(layer) ?? 0) + 1);
    let held = true;
    return {
      layers,
      [Symbol.dispose]: () => {
        if (!held) return;
        held = false;
        for (const layer of layers) {
          const left = this.holds.get(layer)! - 1;
          if (left === 0) this.holds.delete(layer);
          else this.holds.set(layer, left);
        }
      },
    };
  }

  size(layer: DiffId): number {
    if (!this.here.has(layer)) throw notFound(`layer does not exist: ${layer}`);
    return 100;
  }

  isInImage(layer: DiffId): boolean {
    return this.inImages.has(layer);
  }

  pin(owner: string, layers: readonly DiffId[]): void {
    this.pins.set(owner, layers);
  }

  unpin(owner: string): void {
    this.pins.delete(owner);
  }

  async collect(): Promise<number> {
    const kept = new Set([...this.pins.values()].flat());
    let count = 0;
    for (const layer of this.here) {
      if (kept.has(layer) || this.holds.has(layer) || this.inImages.has(layer)) continue;
      this.here.delete(layer);
      count++;
    }
    return count * 100;
  }

  receive = unused;
  prepare = unused;
  async view() {
    return openRoot("/");
  }
}

async function unused(): Promise<never> {
  throw new Error("fake layers have no files");
}

/** What an operation of a test does; the result is a layer of its own, named by what it works on. */
export type Behaviour = (work: Work<Operation["kind"]>) => Promise<void>;

export interface FakeWorld {
  readonly layers: FakeLayers;
  readonly database: Database;
  readonly records: CacheRecords;
  readonly scheduler: Scheduler;
  /** Commands of the `RUN`s that were run, in order. */
  readonly ran: string[];
}

/** @param behaviours of `RUN`s by their last argument; others end at once */
export function fakeWorld(behaviours: Readonly<Record<string, Behaviour>> = {}): FakeWorld {
  const layers = new FakeLayers();
  const database = Database.open(":memory:");
  const records = new CacheRecords(database, layers);
  const ran: string[] = [];
  const stack = (work: Work<Operation["kind"]>) =>
    work.inputs.flatMap((input) => (input.kind === "layers" ? input.layers : [])).slice(0, 100);
  const result = async (stacked: readonly DiffId[]): Promise<LayersResult> => {
    const held = await layers.hold(stacked);
    return { kind: "layers", layers: stacked, [Symbol.dispose]: () => held[Symbol.dispose]() };
  };
  const keyOf = (work: Work<Operation["kind"]>): Digest => {
    const inputs = work.inputs.map((input) => (input.kind === "layers" ? input.layers : "source"));
    return digestOf(JSON.stringify([work.operation, inputs]));
  };
  let serial = 0;
  const worker = {
    key: async (work: Work<Operation["kind"]>) => keyOf(work),
    run: async (work: Work<Operation["kind"]>): Promise<Result> => {
      const command = work.operation.kind === "run" ? work.operation.args.at(-1)! : work.operation.kind;
      ran.push(command);
      await behaviours[command]?.(work);
      // Running it again gives other bytes, as most commands do.
      return await result([...stack(work), layers.make(`${command} ${serial++}`)]);
    },
  };
  const source = {
    key: async () => undefined,
    run: async ({ operation }: Work<Operation["kind"]>): Promise<Result> =>
      operation.kind === "image"
        ? await result([layers.make(`image ${operation.reference}`)])
        : operation.kind === "scratch"
          ? await result([])
          : { kind: "source", source: undefined as never, [Symbol.asyncDispose]: async () => {} },
  };
  const merge = {
    key: async () => undefined,
    run: async (work: Work<Operation["kind"]>) => await result(stack(work)),
  };
  const operations = {
    ...{ scratch: source, image: source, context: source, http: source, git: source, file: source },
    ...{ run: worker, copy: worker, mkdir: worker, merge },
  } as unknown as Operations;
  const scheduler = new Scheduler({ operations, records, layers, cpuCount: 2 });
  return { layers, database, records, scheduler, ran };
}

export const graphOfText = (text: string, options?: GraphOptions, plan?: TestOptions): BuildGraph =>
  graphOf(planText(text, plan), options);

export function fakeScope(layers: Layers): BuildScope {
  return { layers, epoch: undefined, directory: "/nowhere" } as unknown as BuildScope;
}

/** Runs a graph's target; the lease is released by the caller. */
export function solveText(
  { scheduler, layers }: FakeWorld,
  text: string,
  options: {
    readonly graph?: GraphOptions;
    readonly lease?: Lease;
    readonly signal?: AbortSignal;
    readonly report?: Parameters<Scheduler["solve"]>[0]["report"];
    readonly imported?: Parameters<Scheduler["solve"]>[0]["imported"];
  } = {},
) {
  const graph = graphOfText(text, options.graph);
  return scheduler.solve({
    graph,
    targets: [graph.target!],
    scope: fakeScope(layers),
    lease: options.lease ?? new Lease(),
    nameOf: ({ origins, operation }) => origins[0]?.title || operation.kind,
    report: options.report ?? (() => {}),
    signal: options.signal ?? new AbortController().signal,
    imported: options.imported,
  });
}
