import { faultPoint } from "../lib/index.ts";
import type { OciSpec, Runtime, SpecMount } from "../runtime/index.ts";
import type { Context } from "./context.ts";
import { etcMounts, writeEtcFiles } from "./etc-files.ts";
import { prepareMounts } from "./mounts/prepare.ts";
import { namespacesOf } from "./namespaces.ts";
import { type PreparedNetwork, prepareNetwork } from "./prepare-network.ts";
import type { ContainerRecord } from "./record.ts";
import { layOutRoot } from "./rootfs-layout.ts";
import { sharedMemoryMounts } from "./shared-memory.ts";
import { specOf } from "./spec.ts";
import type { Stopwatch } from "./stopwatch.ts";
import type { PreparedOutput } from "./streams-contract.ts";
import { together } from "./undo.ts";

/** Who starts and watches the container. The monitor can load with this, while everything else is made ready. */
export interface Runner {
  readonly runtime: Runtime;
  readonly output: PreparedOutput;
}

export async function prepareRunner(context: Context, record: ContainerRecord): Promise<Runner> {
  const { machine, streams } = context;
  const [runtime, output] = await together([
    machine.runtimes.get(record.host.Runtime || undefined),
    streams.outputs.prepare(record),
  ]);
  return { runtime, output };
}

/** A specification in the making, while the monitor loads beside it. */
export class Preparation {
  readonly spec: Promise<OciSpec>;
  #surroundings: Surroundings | undefined;

  constructor(context: Context, record: ContainerRecord, watch: Stopwatch) {
    this.spec = this.#prepare(context, record, watch);
    // Whoever waits for it is told; nobody may have come to that.
    this.spec.catch(() => {});
  }

  async #prepare(context: Context, record: ContainerRecord, watch: Stopwatch): Promise<OciSpec> {
    this.#surroundings = await prepareSurroundings(context, record);
    faultPoint("start:prepared");
    watch.lap("prepare");
    const spec = await specFor(context, record, this.#surroundings);
    watch.lap("specification");
    return spec;
  }

  /** Lets go of the network, which the container's processes hold by now, or nobody does. */
  async release(): Promise<void> {
    await Promise.allSettled([this.spec]);
    this.#surroundings?.network.release();
  }
}

interface Surroundings {
  readonly network: PreparedNetwork;
  readonly mounts: SpecMount[];
}

/**
 * Everything that needs no other part, at once. What fails lets the others end first, so that the undo finds
 * all of it.
 */
async function prepareSurroundings(context: Context, record: ContainerRecord): Promise<Surroundings> {
  const { snapshots, paths } = context;
  let network: PreparedNetwork | undefined;
  try {
    const [mounts] = await together([
      prepareMounts(context, record),
      snapshots.mount(record.id, paths.rootfs(record.id), { volatile: record.host.AutoRemove === true }),
      prepareNetwork(context, record).then((ready) => {
        network = ready;
      }),
    ]);
    return { network: network!, mounts: [...mounts, ...sharedMemoryMounts(context, record)] };
  } catch (error) {
    network?.release();
    throw error;
  }
}

/** With the root mounted: who the user is, what an empty volume starts from, and the specification of it all. */
async function specFor(
  context: Context,
  record: ContainerRecord,
  surroundings: Surroundings,
): Promise<OciSpec> {
  const { machine, paths } = context;
  const { network, mounts } = surroundings;
  if (network.contents !== undefined) writeEtcFiles(context, record, network.contents);
  using root = machine.openRoot(paths.rootfs(record.id));
  if (!record.state.startedBefore) layOutRoot(root, (descriptor) => machine.closeDescriptor(descriptor));
  await populateVolumes(context, record, root);
  return specOf(context, record, {
    user: machine.resolveUser(root, record.config.User ?? "", record.host.GroupAdd ?? []),
    mounts: [...etcMounts(context, record, network.filesOf), ...mounts],
    namespaces: namespacesOf(context, record, network.namespace),
    environment: network.environment,
  });
}

/** Copies what the image has at a volume's place into the volume, while that is empty. */
export async function populateVolumes(
  context: Pick<Context, "volumes">,
  record: ContainerRecord,
  root: Parameters<Context["volumes"]["populate"]>[1],
): Promise<void> {
  for (const mount of record.mounts) {
    if (mount.type !== "volume" || !mount.copyUp) continue;
    await context.volumes.populate(mount.name!, root, mount.destination);
  }
}
