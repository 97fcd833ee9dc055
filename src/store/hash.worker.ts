import { closeSync, openSync, readSync } from "node:fs";
import { startWriteback } from "../linux/index.ts";

/** Asks for a file's digest as it grows: its bytes up to `until` are there. The `last` request of a job gets the answer. */
export interface HashRequest {
  readonly job: number;
  readonly path: string;
  readonly until: number;
  readonly last: boolean;
}

export interface HashAnswer {
  readonly job: number;
  /** SHA-256, in hexadecimal; undefined where the file could not be read. */
  readonly hex: string | undefined;
}

/** What fits into a processor's own cache, beside the rest. */
const READ_BYTES = 256 << 10;

/** The disk is put to work so often, so that the sync at the end finds little left to do. */
const WRITEBACK_BYTES = 8 << 20;

interface Job {
  readonly fd: number;
  readonly hasher: Bun.CryptoHasher;
  at: number;
  /** What the disk was told to write. */
  handedOn: number;
}

declare const self: Worker;

const buffer = new Uint8Array(READ_BYTES);
const jobs = new Map<number, Job | "failed">();

self.onmessage = ({ data: request }: MessageEvent<HashRequest>) => {
  const { job: id, last } = request;
  const job = advance(request);
  jobs.set(id, job);
  if (!last) return;
  jobs.delete(id);
  const hex = job === "failed" ? undefined : job.hasher.digest("hex");
  if (job !== "failed") closeSync(job.fd);
  self.postMessage({ job: id, hex } satisfies HashAnswer);
};

function advance({ job: id, path, until }: HashRequest): Job | "failed" {
  let job = jobs.get(id);
  if (job === "failed") return job;
  try {
    job ??= { fd: openSync(path, "r"), hasher: new Bun.CryptoHasher("sha256"), at: 0, handedOn: 0 };
    hashUpTo(job, until);
    return job;
  } catch {
    if (job !== undefined) closeSync(job.fd);
    return "failed";
  }
}

function hashUpTo(job: Job, until: number): void {
  while (job.at < until) {
    const count = readSync(job.fd, buffer, 0, Math.min(buffer.length, until - job.at), job.at);
    if (count === 0) throw new Error("the file is shorter than it was said to be");
    job.hasher.update(buffer.subarray(0, count));
    job.at += count;
  }
  if (job.at - job.handedOn < WRITEBACK_BYTES) return;
  startWriteback(job.fd, job.handedOn, job.at - job.handedOn);
  job.handedOn = job.at;
}
