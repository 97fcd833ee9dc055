import { invalidParameter, kindOf } from "../../lib/index.ts";
import type { Mount } from "../../wire/index.ts";
import type { Application } from "../application.ts";
import { containerName, LABEL } from "../labels.ts";
import { isBefore } from "./api-version.ts";
import type { CreateContext, FileToCopy } from "./context.ts";
import { type ArchivedFile, putFiles } from "./put-files.ts";

/** The label of a volume that holds a container's secrets and configs; its value is the service. Removed with the project. */
export const FILES_LABEL = "dev.berth.compose.files";

/** The API that can mount one file of a volume. */
const SUBPATH_API = "1.45";
const FOLDER = "/files";

/** The volume of a container's files: where the container's own layer cannot take them. */
export function filesVolume({ app, service, number, name, oneOff }: CreateContext): string {
  return `${oneOff === undefined ? containerName(app.project.name, service, number) : name}-files`;
}

const numbered = (files: readonly FileToCopy[]): ArchivedFile[] =>
  files.filter(({ by }) => by === "volume").map((file, index) => ({ name: String(index), file }));

/** The mounts by which the container sees the files of its volume, read-only. */
export function filesVolumeMounts(context: CreateContext, files: readonly FileToCopy[]): Mount[] {
  return numbered(files).map(({ name, file }) => ({
    Type: "volume",
    Source: filesVolume(context),
    Target: file.target,
    ReadOnly: true,
    VolumeOptions: { NoCopy: true, Subpath: name },
  }));
}

/**
 * Makes the volume and fills it through a container that is never started.
 *
 * @throws InvalidParameter in Docker Compose's words where the engine is too old to mount a part of a volume.
 */
export async function fillFilesVolume(
  context: CreateContext,
  image: string,
  files: readonly FileToCopy[],
): Promise<void> {
  const archived = numbered(files);
  if (archived.length === 0) return;
  const { app, service } = context;
  if (await isBefore(app, SUBPATH_API)) {
    throw invalidParameter(
      `cannot create ${archived[0]!.file.what} in read-only service ${service.name}: \`file\` is the sole supported option`,
    );
  }
  const volume = filesVolume(context);
  const labels = { [LABEL.project]: app.project.name, [FILES_LABEL]: service.name };
  await app.engine.volumes.create({ Name: volume, Labels: labels });
  const mount = { Type: "volume", Source: volume, Target: FOLDER, VolumeOptions: { NoCopy: true } };
  const { Id } = await app.engine.containers.create({
    Image: image,
    // Never run, but without any an engine makes no container.
    Entrypoint: ["-"],
    HostConfig: { Mounts: [mount], NetworkMode: "none" },
  });
  try {
    await putFiles(app, Id, FOLDER, archived);
  } finally {
    await app.engine.containers.remove(Id, { force: true });
  }
}

/** Removes the volumes of files whose containers are gone; those still in use stay. */
export async function removeFilesVolumes(app: Application): Promise<void> {
  if (app.dryRun) return;
  const filters = { label: [`${LABEL.project}=${app.project.name}`, FILES_LABEL] };
  const { Volumes } = await app.engine.volumes.list(filters);
  await Promise.all(
    (Volumes ?? []).map(async ({ Name }) => {
      try {
        await app.engine.volumes.remove(Name);
      } catch (error) {
        if (!["Conflict", "NotFound"].includes(kindOf(error))) throw error;
      }
    }),
  );
}
