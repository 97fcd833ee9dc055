import { isOlder } from "../lib/index.ts";
import { forCrun } from "./crun-spec.ts";
import { type FailedStep, fromCrun } from "./crun-words.ts";
import { readCrunState, readRuncState, type StateReader } from "./known-state.ts";
import { withResolvedMounts } from "./mount-places.ts";
import type { OciSpec } from "./spec/oci.ts";
import { type Release, releaseByReading, releaseByWriting } from "./start.ts";

/** What one runtime does otherwise than another behind the same command line, or lets us do without starting it. */
export interface Dialect {
  /** Its notes of a container, where we can read them: then simple steps need no process of it. */
  readonly readState?: StateReader;
  /** How its created containers are let go; there with `readState`. */
  readonly release?: Release;
  /** It copies itself and starts once more unless it runs from a sealed copy in memory: see `SealedProgram`. */
  readonly acceptsSealedCopy: boolean;
  /** It knows `run --keep`. */
  readonly keepsRuns: boolean;
  /** It can be made to create mount points on the host: see `nested-mounts.ts`. */
  readonly racesMountPoints: boolean;
  /** A specification as it needs it, once the root is mounted. @throws RuntimeError where runc would refuse it */
  readonly adapt: (spec: OciSpec) => OciSpec;
  /** Files of its notes of a container that its `exec` reads. Each exec gets copies: see `exec-notes.ts`. */
  readonly execNotes?: readonly string[];
  /** It refuses hosts where the second version of control groups has controllers beside the first: see `cgroup-view.ts`. */
  readonly refusesHybridCgroups: boolean;
  /** `--log-format`. What crun cannot log any more once it has left the host, it prints in the same form among the container's output. */
  readonly logFormat: "json" | "text";
  /** Its errors as runc words them. */
  readonly wording: (words: string, failed?: FailedStep) => string;
  /** What its `update --resources` calls standard input. */
  readonly standardInput: "-" | "/dev/stdin";
}

/** @param program what it calls itself in the answer to `--version` */
export function dialectOf(program: string, version: string): Dialect {
  if (program === "runc") return runc(version);
  if (program === "crun") return CRUN;
  return COMMON;
}

/** Of a runtime of which nothing is known but the command line. */
const COMMON: Dialect = {
  acceptsSealedCopy: false,
  keepsRuns: false,
  racesMountPoints: false,
  adapt: withResolvedMounts,
  refusesHybridCgroups: false,
  logFormat: "json",
  wording: (words) => words,
  standardInput: "-",
};

/** The first release without CVE-2024-45310. */
const SAFE_MOUNT_POINTS = [1, 1, 14] as const;

function runc(version: string): Dialect {
  return {
    ...COMMON,
    readState: readRuncState,
    release: releaseByReading,
    acceptsSealedCopy: true,
    adapt: (spec) => spec,
    keepsRuns: !isOlder(version, [1, 1]),
    racesMountPoints: isOlder(version, SAFE_MOUNT_POINTS),
  };
}

const CRUN: Dialect = {
  ...COMMON,
  readState: readCrunState,
  release: releaseByWriting,
  acceptsSealedCopy: true,
  adapt: forCrun,
  execNotes: ["status", "config.json", "seccomp.bpf"],
  refusesHybridCgroups: true,
  logFormat: "text",
  wording: fromCrun,
  standardInput: "/dev/stdin",
};
