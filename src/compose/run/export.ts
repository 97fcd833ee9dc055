import type { Application } from "../application.ts";
import { type ContainerChoice, oneOfService } from "./service-container.ts";

/** The files of a service's container as a tar; nothing comes in a dry run. */
export async function* exportFiles(
  app: Application,
  service: string,
  choice: Pick<ContainerChoice, "index"> = {},
): AsyncGenerator<Uint8Array, void> {
  const container = await oneOfService(app.engine, app.project.name, service, { ...choice, all: true });
  const id = container.name;
  app.report.progress({ id, status: "working", text: "Exporting" });
  if (!app.dryRun) yield* await app.engine.containers.export(container.id, app.signal);
  app.report.progress({ id, status: "done", text: "Exported" });
}
