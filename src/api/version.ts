import { invalidParameter } from "../lib/index.ts";

/** The versions of the Engine API that are served: v1.24 to v1.51. The major number has always been 1. */
export const MIN_MINOR = 24;
export const MAX_MINOR = 51;
export const API_VERSION = `1.${MAX_MINOR}`;
export const MIN_API_VERSION = `1.${MIN_MINOR}`;

export interface VersionedPath {
  /** `40` for `/v1.40/info`; the newest where the client names none. */
  readonly minor: number;
  /** Without the version. */
  readonly path: string;
}

const PREFIX = /^\/v([0-9.]+)(\/.*)$/;

/** Takes the version off a path. @throws InvalidParameter in Docker's words where it is not served. */
export function splitVersion(path: string): VersionedPath {
  const match = path.charCodeAt(1) === 118 /* v */ ? PREFIX.exec(path) : null;
  if (match === null) return { minor: MAX_MINOR, path };
  return { minor: minorOf(match[1]!), path: match[2]! };
}

function minorOf(version: string): number {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major < 1 || (major === 1 && minor < MIN_MINOR)) {
    throw invalidParameter(
      `client version ${version} is too old. Minimum supported API version is ${MIN_API_VERSION}, please upgrade your client to a newer version`,
    );
  }
  if (major > 1 || minor > MAX_MINOR) {
    throw invalidParameter(
      `client version ${version} is too new. Maximum supported API version is ${API_VERSION}`,
    );
  }
  return minor;
}
