import { kindOf } from "../../lib/index.ts";
import type { ContainerCreateRequest } from "../../wire/index.ts";
import type { Cli } from "../cli.ts";
import { familiarReference, parseReference, withDefaultTag } from "../text/reference.ts";

export interface CreateOptions {
  readonly name: string;
  readonly platform: string;
  readonly pull: string;
  readonly quiet: boolean;
  readonly cidfile: string;
  readonly "use-api-socket": boolean;
}

/** Creates a container; an image that is not here is pulled first, as `--pull` says. Gives the id. */
export async function createContainer(
  cli: Cli,
  wanted: ContainerCreateRequest,
  options: CreateOptions,
): Promise<string> {
  const { request, finish } = options["use-api-socket"]
    ? await (await import("./use-api-socket.ts")).withApiSocket(cli, wanted)
    : { request: wanted, finish: async () => {} };
  const image = request.Image ?? "";
  using cidfile =
    options.cidfile === "" ? undefined : (await import("./cidfile.ts")).openCidFile(options.cidfile);
  const pull = async () => {
    const { pullImage } = await import("./pull-image.ts");
    await pullImage(cli, image, { platform: options.platform, quiet: options.quiet, to: "stderr" });
  };
  const shown = checkImage(image);
  if (options.pull === "always") await pull();
  const { containers } = await cli.engine();
  const create = () => containers.create(request, { name: options.name, platform: options.platform });
  const { Id, Warnings } = await create().catch(async (error: unknown) => {
    if (kindOf(error) !== "NotFound" || shown === undefined || options.pull !== "missing") throw error;
    if (!options.quiet) cli.note(`Unable to find image '${shown}' locally`);
    await pull();
    return create();
  });
  for (const warning of [...(Warnings ?? []), ...localDnsWarnings(request)]) cli.note(`WARNING: ${warning}`);
  cidfile?.write(Id);
  await finish(Id);
  return Id;
}

/** The image's full name; undefined for an id, which cannot be pulled. @throws where it is neither. */
function checkImage(image: string): string | undefined {
  if (/^(sha256:)?[a-f0-9]{64}$/.test(image)) return undefined;
  return familiarReference(withDefaultTag(parseReference(image)));
}

function localDnsWarnings(request: ContainerCreateRequest): string[] {
  const local = (request.HostConfig?.Dns ?? []).find(
    (address) => address === "::1" || /^127\./.test(address),
  );
  return local === undefined ? [] : [`Localhost DNS (${local}) may fail in containers.`];
}
