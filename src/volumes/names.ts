import { invalidParameter } from "../lib/index.ts";

/** A volume's name is a directory's name. */
const NAME_BYTES_MAX = 255;

/** @throws InvalidParameter in Docker's words, which tell somebody who meant a host path what to write. */
export function checkVolumeName(name: string): void {
  if (name.length === 1) {
    throw invalidParameter(
      `create ${name}: volume name is too short, names should be at least two alphanumeric characters`,
    );
  }
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(name)) {
    throw invalidParameter(
      `create ${name}: ${JSON.stringify(name)} includes invalid characters for a local volume name, ` +
        'only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path',
    );
  }
  if (name.length > NAME_BYTES_MAX) {
    throw invalidParameter(`create ${name.slice(0, 32)}…: volume name is too long`);
  }
}

/** Marks volumes that nobody named: `prune` takes them without being told `--all`. */
export const ANONYMOUS_LABEL = "com.docker.volume.anonymous";
