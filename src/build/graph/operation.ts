import type { CacheSharing, DeviceFlag, RunNetwork, RunSecurity } from "../../lib/dockerfile/index.ts";
import type { GitReference } from "../dockerfile/index.ts";

/** The number of one of a vertex's inputs. */
export type InputIndex = number;

/** A mount whose files come from an input. */
export type OperationMount =
  | {
      readonly type: "bind";
      readonly input: InputIndex;
      readonly path: string;
      readonly target: string;
      readonly readOnly: boolean;
    }
  | {
      readonly type: "cache";
      readonly id: string;
      readonly sharing: CacheSharing;
      readonly input: InputIndex;
      readonly path: string;
      readonly target: string;
      readonly readOnly: boolean;
      readonly mode: number | undefined;
      readonly uid: number | undefined;
      readonly gid: number | undefined;
    }
  | { readonly type: "tmpfs"; readonly target: string; readonly size: number | undefined }
  | {
      readonly type: "secret" | "ssh";
      readonly id: string;
      readonly required: boolean;
      readonly target: string | undefined;
      readonly env: string | undefined;
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
    };

/** What is copied out of an input. */
export interface OperationItem {
  readonly input: InputIndex;
  readonly path: string;
  /** Only what fits of the path, with the folders above it. */
  readonly pattern: string | undefined;
  readonly unpack: boolean;
  /** The path may hold wildcards; those of files that were fetched or written here do not. */
  readonly wildcards: boolean;
}

/**
 * What one vertex does: all that decides on its result, and nothing else. Titles, lines and history are not part of it, so
 * that the same work is the same vertex wherever it is written.
 */
export type Operation =
  | { readonly kind: "scratch" }
  /** An image by its manifest's digest, or by its name where that is not known. */
  | { readonly kind: "image"; readonly reference: string; readonly platform: string }
  /** The build context, or a named one. */
  | { readonly kind: "context"; readonly name: string }
  | { readonly kind: "http"; readonly url: string; readonly fileName: string; readonly checksum: string }
  | { readonly kind: "git"; readonly reference: GitReference }
  /** A single file at the root. */
  | { readonly kind: "file"; readonly fileName: string; readonly content: string; readonly mode: number }
  /** The first input is what the command runs on. */
  | {
      readonly kind: "run";
      readonly args: readonly string[];
      readonly env: readonly (readonly [name: string, value: string])[];
      readonly directory: string;
      readonly user: string;
      readonly mounts: readonly OperationMount[];
      readonly network: RunNetwork;
      readonly security: RunSecurity;
      readonly devices: readonly DeviceFlag[];
    }
  /** The first input is what is copied onto. */
  | {
      readonly kind: "copy";
      readonly items: readonly OperationItem[];
      readonly destination: string;
      readonly chown: string;
      readonly chmod: string;
      readonly exclude: readonly string[];
    }
  | { readonly kind: "mkdir"; readonly path: string; readonly user: string }
  /** The second input's layer on top of the first, neither of which depends on the other: `COPY --link`. */
  | { readonly kind: "merge" };
