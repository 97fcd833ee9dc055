import type { Digest } from "../../lib/index.ts";

/**
 * What a build tells while it runs, in BuildKit's terms (its `StatusResponse`): a vertex is a step as a person sees it;
 * each message about one replaces what was said of it before. Times are milliseconds since 1970.
 */
export type BuildEvent =
  | { readonly kind: "vertex"; readonly vertex: VertexState }
  | { readonly kind: "status"; readonly status: VertexStatus }
  | {
      readonly kind: "log";
      readonly vertex: Digest;
      /** 1: standard output, 2: standard error. */
      readonly stream: 1 | 2;
      readonly bytes: Uint8Array;
      readonly time: number;
    }
  | { readonly kind: "warning"; readonly vertex: Digest | undefined; readonly warning: BuildWarning };

export interface VertexState {
  readonly digest: Digest;
  readonly inputs: readonly Digest[];
  /** `[build 2/5] RUN make`; `[internal] load build definition from Dockerfile`; empty for what is not shown. */
  readonly name: string;
  readonly started: number | undefined;
  readonly completed: number | undefined;
  readonly cached: boolean;
  /** Why it failed. */
  readonly error: string | undefined;
}

/** Progress within a vertex: a transfer, an extraction. */
export interface VertexStatus {
  readonly id: string;
  readonly vertex: Digest;
  readonly name: string;
  readonly current: number;
  readonly total: number | undefined;
  readonly started: number | undefined;
  readonly completed: number | undefined;
  readonly time: number;
}

export interface BuildWarning {
  /** 1: a lint warning. */
  readonly level: number;
  readonly short: string;
  readonly detail: readonly string[];
  readonly url: string;
  readonly fileName: string | undefined;
  readonly fileText: string | undefined;
  readonly lines: { readonly start: number; readonly end: number } | undefined;
}

/** Never throws; what it is told it may keep. */
export type Report = (event: BuildEvent) => void;
