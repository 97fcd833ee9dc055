import { conflict, log, messageOf } from "../lib/index.ts";
import type { Context } from "./context.ts";
import { checkFilterNames, matchesLabels, parseUntil, valuesOf } from "./filters.ts";
import { type ContainerRecord, isRunning } from "./record.ts";
import { removeContainer } from "./remove.ts";
import type { Filters, PruneReport } from "./requests.ts";
import { parseTime } from "./time.ts";

const FILTERS = ["label", "label!", "until"];
const running = new WeakSet<Context>();

/** `docker container prune`: removes what does not run. @throws Conflict where a prune is under way */
export async function pruneContainers(context: Context, filters: Filters): Promise<PruneReport> {
  if (running.has(context)) throw conflict("a prune operation is already running");
  running.add(context);
  try {
    return await prune(context, filters);
  } finally {
    running.delete(context);
  }
}

async function prune(context: Context, filters: Filters): Promise<PruneReport> {
  const wants = selector(context, filters);
  const deleted: string[] = [];
  let reclaimed = 0;
  for (const record of [...context.repository.all()]) {
    if (isRunning(record) || record.state.phase === "creating" || !wants(record)) continue;
    const bytes = await writableBytes(context, record);
    try {
      await removeContainer(context, record, record.id, { force: false, volumes: false, link: false });
    } catch (error) {
      log.warn("cannot prune a container", { container: record.id, error: messageOf(error) });
      continue;
    }
    reclaimed += bytes;
    deleted.push(record.id);
  }
  context.emitEvent({
    type: "container",
    action: "prune",
    actorId: "",
    attributes: { reclaimed: String(reclaimed) },
  });
  return { ContainersDeleted: deleted, SpaceReclaimed: reclaimed };
}

function selector(context: Context, filters: Filters): (record: ContainerRecord) => boolean {
  checkFilterNames(filters, FILTERS);
  const until = parseUntil(valuesOf(filters, "until"), context.clock.now());
  const without = valuesOf(filters, "label!");
  return ({ created, config }) =>
    (until === undefined || parseTime(created) <= until) &&
    matchesLabels(valuesOf(filters, "label"), config.Labels) &&
    (without.length === 0 || !matchesLabels(without, config.Labels));
}

async function writableBytes(context: Context, record: ContainerRecord): Promise<number> {
  try {
    return (await context.snapshots.usage(record.id)).writableBytes;
  } catch {
    return 0;
  }
}
