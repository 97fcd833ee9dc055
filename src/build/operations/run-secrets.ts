import { chmodSync, chownSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { EngineError, invalidParameter, kindOf } from "../../lib/index.ts";
import type { SpecMount } from "../../runtime/index.ts";
import type { OperationMount } from "../graph/index.ts";
import type { ClientServices } from "../ports.ts";

export type SecretMount = Extract<OperationMount, { readonly type: "secret" | "ssh" }>;

/** BuildKit's (`MaxSecretSize`). */
const SECRET_BYTES_MAX = 500 * 1024;

/** Secrets of one step, as files and as variables. */
export class Secrets {
  readonly #directory: string;
  readonly mounts: SpecMount[] = [];
  /** `NAME=value` */
  readonly environment: string[] = [];

  /** @param directory in memory; it does not exist yet, and is nobody else's */
  constructor(directory: string) {
    this.#directory = directory;
    mkdirSync(directory, { mode: 0o700 });
  }

  /** @throws NotFound `secret x: not found` where the client has none and the step needs it */
  async add(mount: SecretMount, services: ClientServices): Promise<void> {
    const value = await secretValue(mount, services);
    if (value === undefined) return;
    if (mount.env !== undefined) {
      const text = Buffer.from(value).toString();
      if (text.includes("\0"))
        throw invalidParameter(`secret ${mount.id} can not be a variable: it has a NUL byte`);
      this.environment.push(`${mount.env}=${text}`);
    }
    if (mount.target !== undefined) this.#addFile(mount, mount.target, value);
  }

  #addFile({ mode, uid, gid }: SecretMount, target: string, value: Uint8Array): void {
    const source = join(this.#directory, String(this.mounts.length));
    writeFileSync(source, value, { mode: 0o600, flag: "wx" });
    chownSync(source, uid, gid);
    chmodSync(source, mode);
    this.mounts.push({ type: "bind", source, destination: target, options: ["bind", "ro", "rprivate"] });
  }
}

async function secretValue(
  { id, required }: SecretMount,
  services: ClientServices,
): Promise<Uint8Array | undefined> {
  try {
    const value = await services.secret(id);
    if (value.length <= SECRET_BYTES_MAX) return value;
  } catch (error) {
    if (kindOf(error) !== "NotFound") throw error;
    if (!required) return undefined;
    throw new EngineError("NotFound", `secret ${id}: not found`);
  }
  throw invalidParameter(`secret ${id} is larger than ${SECRET_BYTES_MAX} bytes`);
}
