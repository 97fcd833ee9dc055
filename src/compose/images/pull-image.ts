import { messageOf } from "../../lib/index.ts";
import type { Application } from "../application.ts";
import { registryAuth } from "./credentials.ts";
import { followLayers } from "./progress.ts";

export interface ImagePull {
  readonly image: string;
  readonly platform?: string | undefined;
  /** It can be built instead: that it cannot be fetched is no failure then. */
  readonly buildable: boolean;
}

/** Fetches an image. @throws the engine's own message. */
export async function pullImage(
  app: Application,
  { image, platform, buildable }: ImagePull,
  options: { readonly quiet?: boolean | undefined; readonly signal?: AbortSignal | undefined } = {},
): Promise<void> {
  const id = `Image ${image}`;
  app.report.progress({ id, status: "working", text: "Pulling" });
  try {
    if (!app.dryRun) {
      const messages = await app.engine.images.pull(
        { ...pullTarget(image), ...(platform !== undefined && { platform }) },
        await registryAuth(app, image),
        options.signal ?? app.signal,
      );
      await followLayers(messages, id, options.quiet === true ? undefined : app.report);
    }
    app.report.progress({ id, status: "done", text: "Pulled" });
  } catch (error) {
    const interrupted = (options.signal ?? app.signal)?.aborted === true;
    const detail = messageOf(error);
    if (interrupted) app.report.progress({ id, status: "warning", text: "Interrupted" });
    else if (buildable) app.report.progress({ id, status: "warning", text: detail });
    else app.report.progress({ id, status: "error", text: "Error", detail });
    throw error;
  }
}

/** `repo:tag@digest` as the API takes it: a digest wins, and without a tag `latest` is meant, not all. */
export function pullTarget(image: string): { fromImage: string; tag: string } {
  const at = image.indexOf("@");
  if (at >= 0) return { fromImage: withoutTag(image.slice(0, at)), tag: image.slice(at + 1) };
  const name = withoutTag(image);
  return { fromImage: name, tag: image.slice(name.length + 1) || "latest" };
}

/** A colon before the last slash is that of a registry's port. */
function withoutTag(name: string): string {
  const colon = name.indexOf(":", name.lastIndexOf("/") + 1);
  return colon < 0 ? name : name.slice(0, colon);
}
