import type { Application } from "../application.ts";
import type { ImageIdOf } from "../create/index.ts";
import { factsOf, imageName, readImages } from "../images/index.ts";

/**
 * The ids of images that services mount (`type: image`), by what the volume's source says: an image's name, or that of a
 * service whose image is meant. Nothing is asked where no service does.
 */
export async function imageVolumes(app: Application): Promise<ImageIdOf> {
  const { project } = app;
  const sources = new Set(
    Object.values(project.services).flatMap(({ volumes = [] }) =>
      volumes.flatMap(({ type, source }) => (type === "image" && source ? [source] : [])),
    ),
  );
  if (sources.size === 0) return () => undefined;
  const imageOf = (source: string) => {
    const service = project.services[source] ?? project.disabled[source];
    return service === undefined ? source : imageName(project.name, { ...service, name: source });
  };
  const images = await readImages(app.engine, [...sources].map(imageOf), app.signal);
  return (source) => {
    const image = images.get(imageOf(source));
    return image && factsOf(image)?.id;
  };
}
