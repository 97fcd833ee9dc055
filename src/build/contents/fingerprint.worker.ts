import { fingerprintAtOnce, RootDir } from "../../linux/index.ts";
import { type FingerprintAnswer, type FingerprintJob, FolderStates } from "./fingerprint-job.ts";
import { openDirectory } from "./tree.ts";

declare const self: Worker;

self.onmessage = ({ data: { job, rootFd, paths, shared } }: MessageEvent<FingerprintJob>) => {
  const states = new FolderStates(shared);
  // Not closed here: the descriptor is the main thread's.
  const root = new RootDir(rootFd);
  // Until the main thread has come as far, or wants no more.
  for (let index = paths.length - 1; index >= 0 && states.claim(index); index--) {
    const fingerprint = fingerprintOf(root, paths[index]!);
    if (fingerprint !== undefined) states.tell(index, fingerprint);
  }
  self.postMessage({ job } satisfies FingerprintAnswer);
};

/** Undefined for what is not there any more, or cannot be read: the main thread finds out by itself. */
function fingerprintOf(root: RootDir, path: string): string | undefined {
  try {
    using directory = openDirectory({ root }, path);
    return fingerprintAtOnce(directory);
  } catch {
    return undefined;
  }
}
