import type {
  CacheSharing,
  DeviceFlag,
  LineRange,
  RunNetwork,
  RunSecurity,
} from "../../lib/dockerfile/index.ts";
import type { GitReference } from "./git-reference.ts";
import type { Platform } from "./platform.ts";

/** Where files come from. */
export type Source =
  | { readonly kind: "context" }
  | { readonly kind: "scratch" }
  /** Another stage, by its number. */
  | { readonly kind: "stage"; readonly stage: number }
  | { readonly kind: "image"; readonly reference: string; readonly platform: Platform }
  /** What `--build-context` names. */
  | { readonly kind: "named"; readonly name: string };

/** What an image's history says of a step. */
export interface StepHistory {
  readonly createdBy: string;
  readonly emptyLayer: boolean;
}

interface StepCommon {
  /** As it is shown while it runs: `RUN make`. */
  readonly title: string;
  readonly lines: LineRange;
  /** It comes from the base's `ONBUILD`. */
  readonly onBuild: boolean;
  /** Undefined where history does not tell of it. */
  readonly history: StepHistory | undefined;
}

/** A mount of one `RUN`. Paths of targets are absolute; modes and ids are undefined where none were given. */
export type StepMount =
  | {
      readonly type: "bind";
      readonly source: Source;
      readonly path: string;
      readonly target: string;
      readonly readOnly: boolean;
    }
  | {
      readonly type: "cache";
      readonly id: string;
      readonly sharing: CacheSharing;
      /** What a new cache begins with. */
      readonly source: Source;
      readonly path: string;
      readonly target: string;
      readonly readOnly: boolean;
      readonly mode: number | undefined;
      readonly uid: number | undefined;
      readonly gid: number | undefined;
    }
  | { readonly type: "tmpfs"; readonly target: string; readonly size: number | undefined }
  | {
      readonly type: "secret";
      readonly id: string;
      readonly required: boolean;
      /** Undefined where it is only a variable. */
      readonly target: string | undefined;
      readonly env: string | undefined;
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
    }
  | {
      readonly type: "ssh";
      readonly id: string;
      readonly required: boolean;
      readonly target: string | undefined;
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
    };

/** A command that runs on the stage's files. */
export interface RunStep extends StepCommon {
  readonly kind: "run";
  readonly args: readonly string[];
  readonly env: ReadonlyMap<string, string>;
  readonly directory: string;
  /** As written; empty for root. */
  readonly user: string;
  readonly mounts: readonly StepMount[];
  readonly network: RunNetwork;
  readonly security: RunSecurity;
  readonly devices: readonly DeviceFlag[];
  /** A here-document that begins with `#!`: it is put at this path, and is what runs. */
  readonly script: { readonly path: string; readonly content: string } | undefined;
}

/** One thing that is copied. */
export type CopyItem =
  | {
      readonly kind: "path";
      readonly source: Source;
      /** Absolute within the source, and may hold wildcards. */
      readonly path: string;
      /** With `--parents`: what is copied of the path, with the folders above it. */
      readonly pattern: string | undefined;
      readonly unpack: boolean;
    }
  | {
      readonly kind: "http";
      readonly url: string;
      readonly fileName: string;
      readonly checksum: string;
      readonly unpack: boolean;
    }
  | { readonly kind: "git"; readonly reference: GitReference }
  | { readonly kind: "inline"; readonly fileName: string; readonly content: string };

/** `ADD` or `COPY`. */
export interface CopyStep extends StepCommon {
  readonly kind: "copy";
  readonly items: readonly CopyItem[];
  /** Absolute; ends in a slash, or `/.`, where it must be a folder. */
  readonly destination: string;
  /** `user:group`; empty for root. */
  readonly chown: string;
  /** Octal or symbolic (`u=rwX,go=rX`); empty for what the source has. */
  readonly chmod: string;
  /** The copy is a layer of its own, whatever the stage holds. */
  readonly link: boolean;
  readonly exclude: readonly string[];
}

/** `WORKDIR`: the folder is made where it is not there. */
export interface MakeDirectoryStep extends StepCommon {
  readonly kind: "mkdir";
  readonly path: string;
  readonly user: string;
}

/** An instruction that changes only what the image says of itself. */
export interface ConfigStep extends StepCommon {
  readonly kind: "config";
}

export type Step = RunStep | CopyStep | MakeDirectoryStep | ConfigStep;
