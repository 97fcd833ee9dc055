import { type PackOptions, packTree } from "../../sdk/index.ts";
import { splitEntry } from "./paths.ts";

/** A file or folder of this host as a tar. Its entries begin with the source's last name; `.` for what is in a folder. */
export function packLocal(source: string, options?: PackOptions): AsyncGenerator<Uint8Array, void> {
  const { directory, name } = splitEntry(source);
  return packTree(directory, name, options);
}
