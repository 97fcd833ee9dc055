import { log, messageOf } from "../lib/index.ts";
import type { Context } from "./context.ts";
import { pauseUnlessEnded, unpauseContainer } from "./pause.ts";
import type { ContainerRecord } from "./record.ts";

/** One container that stands still for so many of those who asked for it. */
interface Hold {
  count: number;
  readonly still: Promise<void>;
}

const holdsOf = new WeakMap<Context, Map<string, Hold>>();

/**
 * Pauses those of the containers that run, until the result is disposed of: something of theirs is read that must not
 * change meanwhile. Who is paused already stays so. Several may hold one container at the same time.
 */
export async function freezeContainers(context: Context, ids: readonly string[]): Promise<AsyncDisposable> {
  const holds = holdsOf.get(context) ?? new Map<string, Hold>();
  holdsOf.set(context, holds);
  const mine = new Set<string>();
  const thaw = async () => {
    const release = [...mine];
    mine.clear();
    await Promise.all(release.map((id) => letGo(context, holds, id)));
  };
  try {
    await Promise.all(
      ids.map((id) => {
        const record = context.repository.byId(id);
        if (record === undefined || mine.has(id)) return undefined;
        mine.add(id);
        return hold(context, holds, record);
      }),
    );
  } catch (error) {
    await thaw();
    throw error;
  }
  return { [Symbol.asyncDispose]: thaw };
}

async function hold(context: Context, holds: Map<string, Hold>, record: ContainerRecord): Promise<void> {
  let there = holds.get(record.id);
  if (there === undefined) {
    there = { count: 0, still: stop(context, record) };
    holds.set(record.id, there);
  }
  there.count++;
  await there.still;
}

async function stop(context: Context, record: ContainerRecord): Promise<void> {
  if (record.state.status !== "running") return;
  // Saved with the new status.
  record.state.frozen = true;
  const paused = await pauseUnlessEnded(context, record).catch((error: unknown) => {
    delete record.state.frozen;
    throw error;
  });
  if (!paused) delete record.state.frozen;
}

async function letGo(context: Context, holds: Map<string, Hold>, id: string): Promise<void> {
  const there = holds.get(id);
  if (there === undefined || --there.count > 0) return;
  holds.delete(id);
  await there.still.catch(() => {});
  const record = context.repository.byId(id);
  if (record !== undefined) await goOn(context, record);
}

/** Unless somebody else has let it go on, or it has ended. */
async function goOn(context: Context, record: ContainerRecord): Promise<void> {
  if (record.state.frozen !== true || record.state.status !== "paused") return;
  try {
    await unpauseContainer(context, record);
  } catch (error) {
    log.error("cannot let a container go on", { container: record.id, error: messageOf(error) });
  }
}

/** At the daemon's start: those for whose sake they stood still are gone with the last daemon. */
export async function thawLeftovers(context: Context, alive: readonly ContainerRecord[]): Promise<void> {
  await Promise.all(alive.map((record) => goOn(context, record)));
}
