import { encodeAuth, findCredentials, registryKey } from "../../sdk/index.ts";
import type { Cli } from "../cli.ts";
import { parseReference } from "../text/reference.ts";

export {
  allCredentials,
  DOCKER_HUB,
  encodeAuth,
  findCredentials,
  helperFor,
  registryKey,
  runHelper,
} from "../../sdk/index.ts";

/** The value of `X-Registry-Auth` for an image; undefined where nobody has logged in to its registry. */
export async function authForImage(cli: Cli, image: string): Promise<string | undefined> {
  const auth = await findCredentials(await cli.config(), registryKey(parseReference(image).domain));
  return auth === undefined ? undefined : encodeAuth(auth);
}
