import { existsSync, realpathSync, statSync } from "node:fs";

/** Whether the engine is to fetch the context from an address. */
export function isRemote(context: string): boolean {
  return /^(https?|git|ssh):\/\/|^git@|^github\.com\/|\.git(#.*)?$/.test(context) && !existsSync(context);
}

/** @throws with Docker's words */
export function realFolder(path: string): string {
  try {
    const folder = realpathSync(path);
    if (statSync(folder).isDirectory()) return folder;
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    if (code === "ENOENT")
      throw new Error(`unable to prepare context: path ${JSON.stringify(path)} not found`, { cause: error });
    const text = code === "EACCES" ? "permission denied" : message;
    throw new Error(`unable to prepare context: ${text}`, { cause: error });
  }
  throw new Error(`unable to prepare context: context must be a directory: ${path}`);
}
