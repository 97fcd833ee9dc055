import type { Project, Service } from "../../../compose/index.ts";
import { authForImage } from "../../actions/credentials.ts";
import { describeError } from "../../errors.ts";
import { familiarName, familiarReference, parseReference } from "../../text/reference.ts";
import type { Session } from "../session.ts";

/** The project with each image named by the digest that its registry has for the tag now. Each is asked for once. */
export async function withDigests(session: Session, project: Project): Promise<Project> {
  const engine = await session.engine();
  const asked = new Map<string, Promise<string>>();
  const resolve = async (image: string): Promise<string> => {
    const reference = parseReference(image);
    if (reference.digest !== undefined) return image;
    const auth = await authForImage(session.cli, image);
    const { Descriptor } = await engine.json<{ Descriptor: { digest: string } }>({
      method: "GET",
      path: `/distribution/${familiarName(reference)}:${reference.tag ?? "latest"}/json`,
      ...(auth !== undefined && { headers: { "X-Registry-Auth": auth } }),
    });
    return familiarReference({ ...reference, digest: Descriptor.digest });
  };
  const once = (image: string) => {
    const known = asked.get(image) ?? resolve(image).catch((error: unknown) => failed(image, error));
    asked.set(image, known);
    return known;
  };
  const names = new Set(Object.keys(project.services));
  const resolved = Object.entries(project.services).map(
    async ([name, service]) => [name, await resolveService(service, names, once)] as const,
  );
  return { ...project, services: Object.fromEntries(await Promise.all(resolved)) };
}

async function resolveService(
  service: Service,
  names: ReadonlySet<string>,
  resolve: (image: string) => Promise<string>,
): Promise<Service> {
  const [image, hooks, volumes] = await Promise.all([
    service.image ? resolve(service.image) : undefined,
    Promise.all(
      (service.pre_start ?? []).map(async (hook) =>
        hook.image ? { ...hook, image: await resolve(hook.image) } : hook,
      ),
    ),
    Promise.all(
      (service.volumes ?? []).map(async (volume) =>
        // Another service's name stands for its image.
        volume.type === "image" && volume.source && !names.has(volume.source)
          ? { ...volume, source: await resolve(volume.source) }
          : volume,
      ),
    ),
  ]);
  return {
    ...service,
    ...(image !== undefined && { image }),
    ...(service.pre_start !== undefined && { pre_start: hooks }),
    ...(service.volumes !== undefined && { volumes }),
  };
}

function failed(image: string, error: unknown): never {
  throw new Error(`failed to resolve digest for ${image}: ${describeError(error)}`, { cause: error });
}

/** Only what names images: an override file that pins them. */
export function lockedProject(project: Project, warn: (message: string) => void): Project {
  const services: Record<string, Service> = {};
  for (const [name, { image, volumes, pre_start }] of Object.entries(project.services)) {
    if (pre_start?.some((hook) => hook.image)) {
      warn(
        `service ${JSON.stringify(name)}: pre_start hook images are not pinned in the override file produced by --lock-image-digests, use the full --resolve-image-digests output to pin them`,
      );
    }
    const kept = (volumes ?? []).filter(({ type }) => type === "image");
    services[name] = {
      ...(image !== undefined && { image }),
      ...(kept.length > 0 && { volumes: kept }),
    } as Service;
  }
  return {
    ...project,
    name: "",
    services,
    networks: {},
    volumes: {},
    secrets: {},
    configs: {},
    models: {},
    extensions: {},
  };
}
