import type { Application } from "../application.ts";
import { type ContainerChoice, oneOfService } from "./service-container.ts";

export interface CommitOptions extends Pick<ContainerChoice, "index"> {
  /** Name of the image; none: it has only its id. */
  readonly reference?: string;
  readonly author?: string;
  readonly comment?: string;
  /** Instructions of a Dockerfile. */
  readonly changes?: readonly string[];
  /** The container stands still meanwhile; yes unless told. */
  readonly pause?: boolean;
}

/** Makes an image of the changes in a service's container. @returns its id; empty in a dry run. */
export async function commit(
  app: Application,
  service: string,
  options: CommitOptions = {},
): Promise<string> {
  const { index, reference = "", author, comment, changes, pause } = options;
  const container = await oneOfService(app.engine, app.project.name, service, { index, oneOff: true });
  const id = container.name;
  app.report.progress({ id, status: "working", text: "Committing" });
  if (app.dryRun) {
    app.report.progress({ id, status: "done", text: "Committed" });
    return "";
  }
  const { repo, tag } = splitReference(reference);
  const image = await app.engine.images.commit({
    container: container.id,
    ...(repo !== "" && { repo }),
    ...(tag !== "" && { tag }),
    ...(author !== undefined && { author }),
    ...(comment !== undefined && { comment }),
    ...(changes !== undefined && { changes }),
    pause: pause !== false,
  });
  app.report.progress({ id, status: "done", text: `Committed as ${image}` });
  return image;
}

/** The tag is behind the last colon, unless that is a registry's port. */
function splitReference(reference: string): { repo: string; tag: string } {
  const colon = reference.indexOf(":", reference.lastIndexOf("/") + 1);
  if (colon < 0) return { repo: reference, tag: "" };
  return { repo: reference.slice(0, colon), tag: reference.slice(colon + 1) };
}
