import { closeSync, existsSync, openSync, rmSync, writeSync } from "node:fs";

/** The file that `--cidfile` names: reserved before the container is created, removed where that fails. */
export interface CidFile extends Disposable {
  write(id: string): void;
}

/** @throws where the file exists: another container may be using it. */
export function openCidFile(path: string): CidFile {
  if (existsSync(path)) {
    throw new Error(`container ID file found, make sure the other container isn't running or delete ${path}`);
  }
  const descriptor = create(path);
  let written = false;
  return {
    write: (id) => {
      writeSync(descriptor, id);
      written = true;
    },
    [Symbol.dispose]: () => {
      closeSync(descriptor);
      if (!written) rmSync(path, { force: true });
    },
  };
}

function create(path: string): number {
  try {
    return openSync(path, "wx", 0o666);
  } catch (error) {
    throw new Error(`failed to create the container ID file: ${(error as Error).message}`, { cause: error });
  }
}
