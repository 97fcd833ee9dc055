import { decompress, isTarHeader, kindOf } from "../../lib/index.ts";
import { readSelected, type SelectedSource, type Tree } from "../contents/index.ts";

const BLOCK_BYTES = 512;

/**
 * Whether a file is an archive, compressed or not, by its content alone: `ADD` unpacks what begins with a header of a tar
 * (BuildKit's `isArchivePath`; an archive of nothing is none).
 */
export async function isArchive(tree: Tree, { node }: SelectedSource, signal: AbortSignal): Promise<boolean> {
  if (node.entry.kind !== "file" || node.entry.size === 0) return false;
  const parts: Uint8Array[] = [];
  let length = 0;
  try {
    // What is looked at here is looked at again when it is unpacked, and is checked then.
    for await (const part of decompress(readSelected(tree, node, signal))) {
      parts.push(part);
      length += part.length;
      if (length >= BLOCK_BYTES) break;
    }
  } catch (error) {
    signal.throwIfAborted();
    if (kindOf(error) === "InvalidParameter") return false;
    throw error;
  }
  const block = Buffer.concat(parts).subarray(0, BLOCK_BYTES);
  return block.length === BLOCK_BYTES && block.some((byte) => byte !== 0) && isTarHeader(block);
}
