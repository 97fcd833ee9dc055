import { messageOf } from "../../lib/index.ts";
import { type Application, serviceNamed } from "../application.ts";
import { runHooks } from "../hooks.ts";
import { type BuildFlags, buildServices, pruneDangling } from "../images/index.ts";
import type { HookOutput } from "../operations/options.ts";
import { restart } from "../operations/restart.ts";
import { up } from "../operations/up.ts";
import { containersOfService } from "../run/service-container.ts";
import { quotedList, type WatchEvent } from "./events.ts";
import type { WatchRule } from "./rule.ts";
import type { Sync, SyncedFile } from "./sync.ts";
import type { Change } from "./tree.ts";

export interface ActionOptions {
  readonly build?: BuildFlags | undefined;
  /** Remove images that a rebuild has left without a name; yes unless told. */
  readonly prune?: boolean | undefined;
  readonly onEvent: (event: WatchEvent) => void;
  /** What the commands of `sync+exec` print. */
  readonly onOutput?: HookOutput | undefined;
}

/** What a batch of changes asks for. */
export interface Batch {
  readonly rebuild: ReadonlySet<string>;
  readonly sync: ReadonlyMap<string, readonly SyncedFile[]>;
  readonly restart: ReadonlySet<string>;
  readonly exec: ReadonlySet<WatchRule>;
}

/** Finds out what the rules do about some changes. */
export function batchOf(rules: readonly WatchRule[], changes: readonly Change[]): Batch {
  const rebuild = new Set<string>();
  const restarted = new Set<string>();
  const exec = new Set<WatchRule>();
  const sync = new Map<string, SyncedFile[]>();
  for (const { path, kind, isDirectory } of changes) {
    for (const rule of rules) {
      const { service, action } = rule;
      // That the folder itself goes says nothing of what is in it in the container.
      if (!rule.matches(path) || (isDirectory && path === rule.path && kind === "removed")) continue;
      if (action === "rebuild") rebuild.add(service);
      if (action === "restart" || action === "sync+restart") restarted.add(service);
      if (action === "sync+exec") exec.add(rule);
      if (!rule.syncs) continue;
      listOf(sync, service).push({ path, target: rule.targetOf(path), removed: kind === "removed" });
    }
  }
  return { rebuild, sync, restart: restarted, exec };
}

/** The list that a map has for a key; an empty one, which is in it then, where it had none. */
export function listOf<T>(map: Map<string, T[]>, key: string): T[] {
  let list = map.get(key);
  if (list === undefined) {
    list = [];
    map.set(key, list);
  }
  return list;
}

/** Does what a batch asks for: builds, then files, then restarts, then commands. What fails is told, and the rest goes on. */
export async function carryOut(
  app: Application,
  sync: Sync,
  batch: Batch,
  options: ActionOptions,
): Promise<void> {
  const { onEvent } = options;
  const attempt = async (services: readonly string[], what: string, work: () => Promise<void>) => {
    try {
      await work();
    } catch (error) {
      if (app.signal?.aborted === true) return;
      onEvent({ kind: "failed", services, text: `${what}${messageOf(error)}` });
    }
  };
  if (batch.rebuild.size > 0) {
    const services = [...batch.rebuild].sort();
    await attempt(services, "", () => rebuild(app, services, sync, options));
  }
  await Promise.all(
    [...batch.sync].map(([service, files]) =>
      attempt([service], `Syncing service "${service}" failed: `, async () => {
        const count = files.length;
        const text = `Syncing service "${service}" after ${count} changes were detected`;
        onEvent({ kind: "syncing", services: [service], text, paths: files.map(({ path }) => path) });
        await sync.run(service, files);
        onEvent({ kind: "synced", services: [service], text: `Synced service "${service}"` });
      }),
    ),
  );
  if (batch.restart.size > 0) {
    const services = [...batch.restart].sort();
    await attempt(services, `Restarting ${quotedList(services)} failed: `, async () => {
      await restart(app, services);
      onEvent({ kind: "restarted", services, text: `service(s) ${quotedList(services)} restarted` });
    });
  }
  await Promise.all(
    [...batch.exec].map((rule) => attempt([rule.service], "", () => exec(app, rule, options))),
  );
}

async function rebuild(
  app: Application,
  services: readonly string[],
  sync: Sync,
  { build, prune, onEvent }: ActionOptions,
): Promise<void> {
  const list = quotedList(services);
  onEvent({
    kind: "rebuilding",
    services,
    text: `Rebuilding service(s) ${list} after changes were detected...`,
  });
  const fail = (what: string) => (error: unknown) => {
    throw new Error(`${what} Error: ${messageOf(error)}`, { cause: error });
  };
  const named = services.map((name) => serviceNamed(app.project, name));
  const built = await buildServices(app, named, { ...build, single: true }).catch(fail("Build failed."));
  onEvent({ kind: "rebuilt", services, text: `service(s) ${list} successfully built` });
  for (const service of services) sync.forget(service);
  await up(app, { services, noDeps: true, forceRecreate: true, noBuild: true, pull: "never" }).catch(
    fail("Failed to recreate services after update."),
  );
  // Only now nobody uses the old images any more.
  if (prune !== false)
    await pruneDangling(
      app,
      [...built.values()].map(({ id }) => id),
    );
}

async function exec(app: Application, rule: WatchRule, options: ActionOptions): Promise<void> {
  const { exec: hook } = rule.watch;
  if (hook?.command === undefined) return;
  const containers = await containersOfService(app.engine, app.project.name, rule.service);
  const { command, ...rest } = hook;
  await Promise.all(
    containers.map((container) => runHooks(app, container, [{ ...rest, command }], options.onOutput)),
  );
  options.onEvent({
    kind: "executed",
    services: [rule.service],
    text: `service "${rule.service}": executed ${(command ?? []).join(" ")}`,
  });
}
