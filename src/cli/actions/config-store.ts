import { chmod, mkdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import type { ClientConfig, StoredAuth } from "../../sdk/index.ts";

/** Changes `config.json` in one step; what is not known here stays as it is. */
export async function updateConfig(
  directory: string,
  change: (config: ClientConfig) => ClientConfig,
): Promise<void> {
  const path = `${directory}/config.json`;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const before = await readFile(path, "utf8").catch(() => "{}");
  const after = change(JSON.parse(before.trim() === "" ? "{}" : before) as ClientConfig);
  const temporary = `${path}.${process.pid}`;
  await writeFile(temporary, `${JSON.stringify(after, null, "\t")}\n`, { mode: 0o600 });
  const mode = await stat(path).then(
    ({ mode }) => mode & 0o777,
    () => 0o600,
  );
  await chmod(temporary, mode);
  await rename(temporary, path);
}

/** Puts a registry's credentials into the file's `auths`; undefined takes them out. */
export function withAuth(config: ClientConfig, registry: string, auth: StoredAuth | undefined): ClientConfig {
  const { [registry]: _, ...others } = config.auths ?? {};
  return { ...config, auths: auth === undefined ? others : { ...others, [registry]: auth } };
}
