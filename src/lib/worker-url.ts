/**
 * Where a worker's code is: in the executable all files that are entries of their own lie under one root, without their types.
 * @param path of its file below `src`, without `.ts`; one that the executable is built with
 */
export function workerUrl(path: string): string | URL {
  return import.meta.url.includes("/$bunfs/")
    ? `/$bunfs/root/${path}.js`
    : new URL(`../${path}.ts`, import.meta.url);
}
