import { kindOf, messageOf } from "../../lib/index.ts";
import type { Volume, VolumeCreateRequest } from "../../wire/index.ts";
import type { Application } from "../application.ts";
import { COMPOSE_VERSION } from "../create/labels.ts";
import { LABEL } from "../labels.ts";
import { volumeHash } from "../project/index.ts";
import type { ServiceContainer } from "../state/index.ts";
import { externalVolume, orNothing } from "./external.ts";
import type { VolumePlan } from "./plan.ts";
import { removeTold, together, told } from "./told.ts";

export interface EnsureVolumesOptions {
  /** The project's containers: those that mount a volume which is made anew have to go. */
  readonly containers: readonly ServiceContainer[];
  /** Asked before a volume whose configuration has changed is made anew, which loses its data. None: it is left as it is. */
  readonly confirm?: (question: string) => Promise<boolean>;
  /** Removes containers, stopped first. They are to be made again. */
  readonly removeContainers: (containers: readonly ServiceContainer[]) => Promise<void>;
}

export interface EnsuredVolumes {
  /** Names on the engine by their names in the Compose file. */
  readonly names: Map<string, string>;
  /** The containers that had to go. */
  readonly removed: readonly ServiceContainer[];
}

/**
 * Carries the plan out, all volumes at once.
 *
 * @throws NotFound `external volume "x" not found`.
 */
export async function ensureVolumes(
  app: Application,
  plans: readonly VolumePlan[],
  options: EnsureVolumesOptions,
): Promise<EnsuredVolumes> {
  await together(
    plans.map(async ({ action, volume }) => {
      if (action === "external") await externalVolume(app, volume.name);
    }),
  );
  const diverged = await confirmed(app, plans, options);
  const names = new Set(diverged.map(({ volume }) => volume.name));
  const removed = options.containers.filter(({ summary }) =>
    (summary.Mounts ?? []).some(({ Type, Name }) => Type === "volume" && names.has(Name ?? "")),
  );
  if (removed.length > 0) await options.removeContainers(removed);
  await together(
    plans.map(async (plan) => {
      if (plan.action === "keep") warnOfOwner(app, plan, plan.found!);
      else if (plan.action === "create" || plan.action === "rename") await createVolume(app, plan);
      else if (diverged.includes(plan)) {
        await told(app, `Volume ${plan.volume.name}`, "Removing", "Removed", () =>
          app.engine.volumes.remove(plan.found!.Name, { force: true }),
        );
        await createVolume(app, plan);
      }
    }),
  );
  return { names: new Map(plans.map(({ key, volume }) => [key, volume.name])), removed };
}

/** The question before a volume's data is lost. */
export const recreateQuestion = (name: string): string =>
  `Volume "${name}" exists but doesn't match configuration in compose file. Recreate (data will be lost)?`;

/** One question after another. */
async function confirmed(
  app: Application,
  plans: readonly VolumePlan[],
  { confirm }: EnsureVolumesOptions,
): Promise<VolumePlan[]> {
  const agreed: VolumePlan[] = [];
  for (const plan of plans.filter(({ action }) => action === "recreate")) {
    if ((await confirm?.(recreateQuestion(plan.volume.name))) === true) agreed.push(plan);
    else {
      app.report.warn(
        `volume "${plan.volume.name}" doesn't match its configuration in the compose file and is left as it is`,
      );
    }
  }
  return agreed;
}

async function createVolume(app: Application, plan: VolumePlan): Promise<void> {
  const { name } = plan.volume;
  await told(app, `Volume ${name}`, "Creating", "Created", async () => {
    try {
      // One that is there already is given back as it is.
      warnOfOwner(app, plan, await app.engine.volumes.create(volumeRequest(app, plan)));
    } catch (error) {
      const isOther = kindOf(error) === "Conflict" || /unique|already exists/i.test(messageOf(error));
      const found = isOther ? await orNothing(app.engine.volumes.inspect(name)) : undefined;
      if (found === undefined) throw error;
      warnOfOwner(app, plan, found);
    }
  });
}

/** As the engine is asked for it. */
export function volumeRequest({ project }: Application, { key, volume }: VolumePlan): VolumeCreateRequest {
  const { name, driver, driver_opts, labels } = volume;
  return {
    Name: name,
    ...(driver ? { Driver: driver } : {}),
    ...(driver_opts === undefined ? {} : { DriverOpts: driver_opts }),
    Labels: {
      ...labels,
      [LABEL.volume]: key,
      [LABEL.project]: project.name,
      [LABEL.version]: COMPOSE_VERSION,
      [LABEL.configHash]: volumeHash(volume),
    },
  };
}

/** A volume of this name that is not the project's is taken all the same. */
function warnOfOwner(app: Application, { volume }: VolumePlan, found: Volume): void {
  const owner = found.Labels?.[LABEL.project];
  if (owner === app.project.name) return;
  const made =
    owner === undefined ? "was not created by Docker Compose" : `was created for project "${owner}"`;
  const expected = owner === undefined ? "" : ` (expected "${app.project.name}")`;
  app.report.warn(
    `volume "${volume.name}" already exists but ${made}${expected}. Use \`external: true\` to use an existing volume`,
  );
}

/**
 * Removes the project's own volumes, at once; one that is still in use stays, with a warning.
 *
 * @param found all that the engine has of the project.
 * @returns whether there was any.
 */
export async function removeVolumes(app: Application, found: readonly Volume[]): Promise<boolean> {
  const names = new Set(
    Object.values(app.project.volumes).flatMap(({ name, external }) => (external || !name ? [] : [name])),
  );
  const known = new Set(found.map(({ Name }) => Name));
  // Those that carry no label of ours are asked for, those that do are known to be there.
  const there = await Promise.all(
    [...names].map(async (name) =>
      known.has(name) || (await orNothing(app.engine.volumes.inspect(name))) !== undefined ? [name] : [],
    ),
  );
  const own = there.flat();
  await together(
    own.map((name) =>
      removeTold(app, `Volume ${name}`, () => app.engine.volumes.remove(name, { force: true })),
    ),
  );
  return own.length > 0;
}
