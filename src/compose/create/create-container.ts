import { kindOf } from "../../lib/index.ts";
import type { Application, NamedService } from "../application.ts";
import { apiSocket } from "./api-socket.ts";
import type { CreateContext, FileToCopy } from "./context.ts";
import { createRequest } from "./create-request.ts";
import { serviceFiles } from "./files.ts";
import { fillFilesVolume } from "./files-volume.ts";
import { type ArchivedFile, putFiles } from "./put-files.ts";
import { warnOnce } from "./warn-once.ts";

/**
 * Makes a service's container, joined to all its networks, its files put into it; it is not started. Fails whole: nothing
 * is left of a container that could not be finished.
 */
export async function createContainer(context: CreateContext): Promise<{ id: string }> {
  const { app, name } = context;
  const { request, platform, extraNetworks, files, warnings } = await createRequest(context);
  for (const warning of warnings) warnOnce(app, warning);
  if (app.dryRun) return { id: `dry-run-${name}` };

  await fillFilesVolume(context, request.Image ?? "", files);
  const { Id: id, Warnings } = await app.engine.containers.create(request, {
    name,
    ...(platform === undefined ? {} : { platform }),
    signal: app.signal,
  });
  for (const warning of Warnings ?? []) warnOnce(app, `${context.service.name}: ${warning}`);
  try {
    for (const { network, settings } of extraNetworks)
      await app.engine.networks.connect(network, id, settings);
    await putFiles(app, id, "/", archived(files));
  } catch (error) {
    await app.engine.containers.remove(id, { force: true, volumes: true }).catch((removal: unknown) => {
      if (kindOf(removal) !== "NotFound") throw removal;
    });
    throw error;
  }
  return { id };
}

/**
 * Puts a service's copied secrets and configs into a container of it again, as they are by now: before one that has stopped
 * is started. Those that are bound, or files of a volume, stay as they are.
 */
export async function refreshFiles(
  app: Application,
  service: NamedService,
  container: string,
): Promise<void> {
  if (app.dryRun) return;
  const socket = await apiSocket(app, service);
  const { files } = serviceFiles(app, service, () => {});
  await putFiles(app, container, "/", archived([...files, ...socket.files]));
}

const archived = (files: readonly FileToCopy[]): ArchivedFile[] =>
  files.filter(({ by }) => by === "archive").map((file) => ({ name: file.target.slice(1), file }));
