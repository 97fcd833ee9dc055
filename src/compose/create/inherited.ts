import { imageName } from "../images/names.ts";
import type { CreateContext } from "./context.ts";
import type { Inherited } from "./mounts.ts";

/** The name of a volume that nobody named. */
const ANONYMOUS = /^[0-9a-f]{64}$/;

/**
 * The anonymous volumes of the container that this one replaces, where the service or its image still wants one: their
 * data goes on.
 */
export async function inheritedVolumes(context: CreateContext): Promise<Inherited> {
  const { app, service, previous, renewAnonymousVolumes } = context;
  const volumes = new Map<string, { name: string; readOnly: boolean }>();
  if (previous === undefined || renewAnonymousVolumes === true) return volumes;
  const wanted = new Set(service.volumes?.flatMap(({ source, target }) => (source ? [] : [target])));
  const anonymous = previous.Mounts.filter(
    ({ Type, Name }) => Type === "volume" && ANONYMOUS.test(Name ?? ""),
  );
  if (anonymous.some(({ Destination }) => !wanted.has(Destination))) {
    const image = await app.engine.images.inspect(imageName(app.project.name, service));
    for (const target of Object.keys(image.Config?.Volumes ?? {})) wanted.add(target);
  }
  for (const { Destination, Name, RW } of anonymous) {
    if (wanted.has(Destination)) volumes.set(Destination, { name: Name!, readOnly: !RW });
  }
  return volumes;
}
