import type { Runtime, SpecMount } from "../runtime/index.ts";
import type { Context } from "./context.ts";
import { etcMounts, writeEtcFiles } from "./etc-files.ts";
import { prepareMounts } from "./mounts/prepare.ts";
import { namespacesOf } from "./namespaces.ts";
import { type PreparedNetwork, prepareNetwork } from "./prepare-network.ts";
import type { ContainerRecord } from "./record.ts";
import { layOutRoot } from "./rootfs-layout.ts";
import { sharedMemoryMounts } from "./shared-memory.ts";
import { specOf } from "./spec.ts";
import type { PreparedOutput } from "./streams-contract.ts";
import { together } from "./undo.ts";

/** What a start needs before the runtime can take over. */
export interface Prepared {
  readonly runtime: Runtime;
  readonly output: PreparedOutput;
  readonly network: PreparedNetwork;
  readonly mounts: SpecMount[];
}

/**
 * Everything that needs no other part, at once. What fails lets the others end first, so that the undo finds
 * all of it.
 */
export async function prepare(context: Context, record: ContainerRecord): Promise<Prepared> {
  const { machine, snapshots, streams, paths } = context;
  let network: PreparedNetwork | undefined;
  try {
    const [runtime, output, mounts] = await together([
      machine.runtimes.get(record.host.Runtime || undefined),
      streams.outputs.prepare(record),
      prepareMounts(context, record),
      snapshots.mount(record.id, paths.rootfs(record.id), { volatile: record.host.AutoRemove === true }),
      prepareNetwork(context, record).then((ready) => {
        network = ready;
      }),
    ]);
    const shared = sharedMemoryMounts(context, record);
    return { runtime, output, network: network!, mounts: [...mounts, ...shared] };
  } catch (error) {
    network?.release();
    throw error;
  }
}

/** With the root mounted: who the user is, what an empty volume starts from, and the specification of it all. */
export async function specFor(context: Context, record: ContainerRecord, prepared: Prepared) {
  const { machine, paths } = context;
  const { network } = prepared;
  if (network.contents !== undefined) writeEtcFiles(context, record, network.contents);
  using root = machine.openRoot(paths.rootfs(record.id));
  if (!record.state.startedBefore) layOutRoot(root, (descriptor) => machine.closeDescriptor(descriptor));
  await populateVolumes(context, record, root);
  return specOf(context, record, {
    user: machine.resolveUser(root, record.config.User ?? "", record.host.GroupAdd ?? []),
    mounts: [...etcMounts(context, record, network.filesOf), ...prepared.mounts],
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
