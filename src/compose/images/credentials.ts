import { encodeAuth, findCredentials, registryOfImage } from "../../sdk/index.ts";
import type { Application } from "../application.ts";
import { clientConfig } from "../create/environment.ts";

/** The value of `X-Registry-Auth` for an image; undefined where nobody has logged in to its registry. */
export async function registryAuth(app: Application, image: string): Promise<string | undefined> {
  const found = await findCredentials(await clientConfig(app), registryOfImage(image));
  return found === undefined ? undefined : encodeAuth(found);
}
