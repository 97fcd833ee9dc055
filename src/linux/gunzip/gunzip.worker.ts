import { closeSync, openSync, writeSync } from "node:fs";
import { DamagedGzip } from "./gzip-head.ts";
import { IsalGunzip } from "./isal.ts";
import {
  type GunzipAnswer,
  type GunzipFailure,
  type GunzipRequest,
  inputSlot,
  OUTPUT_SLOTS,
  outputSlot,
} from "./slots.ts";

declare const self: Worker;

const jobs = new Map<number, Job>();
/** What may wait: it is told together with the next that may not. */
let waiting: GunzipAnswer[] = [];

self.onmessage = ({ data: requests }: MessageEvent<readonly GunzipRequest[]>) => {
  for (const request of requests) {
    try {
      if (request.ask === "begin") jobs.set(request.job, new Job(request.job, request.path, request.memory));
      // Where it is unknown, it has failed, and the other side is about to hear of it.
      else if (request.ask === "give up") end(request.job);
      else jobs.get(request.job)?.hear(request);
    } catch (error) {
      end(request.job, failureOf(error));
    }
  }
  for (const [id, job] of jobs) {
    try {
      if (job.run()) end(id);
    } catch (error) {
      end(id, failureOf(error));
    }
  }
  if (waiting.length > 0) tell();
};

tell({ canInflate: IsalGunzip.open() !== undefined });

function tell(...answers: GunzipAnswer[]): void {
  self.postMessage([...waiting, ...answers]);
  waiting = [];
}

function end(id: number, failure?: GunzipFailure): void {
  jobs.get(id)?.close();
  if (jobs.delete(id) || failure !== undefined) tell({ job: id, tell: "ended", failure });
}

function failureOf(error: unknown): GunzipFailure {
  const { message, code } = error as NodeJS.ErrnoException;
  return { message, isDamage: error instanceof DamagedGzip, code };
}

/** One stream on its way into its file. */
class Job {
  readonly #id: number;
  readonly #memory: SharedArrayBuffer;
  readonly #fd: number;
  readonly #gunzip: IsalGunzip;
  /** Slots that wait, and the one that is being used. */
  readonly #inputs: { slot: number; bytes: number }[] = [];
  #used: number | undefined;
  /** Slots that are free, and the one that is being filled. */
  readonly #outputs = Array.from({ length: OUTPUT_SLOTS }, (_, slot) => slot);
  #filled: { slot: number; buffer: Uint8Array; bytes: number } | undefined;
  #isLast = false;

  constructor(id: number, path: string, memory: SharedArrayBuffer) {
    this.#id = id;
    this.#memory = memory;
    this.#gunzip = IsalGunzip.open()!;
    this.#fd = openSync(path, "r+");
  }

  close(): void {
    closeSync(this.#fd);
  }

  hear(request: GunzipRequest): void {
    if (request.ask === "inflate") this.#inputs.push(request);
    else if (request.ask === "go on") this.#outputs.push(request.slot);
    else if (request.ask === "finish") this.#isLast = true;
  }

  /** Goes on for as long as there is input, and room for output. @returns whether all is done */
  run(): boolean {
    for (;;) {
      const filled = this.#filled ?? this.#nextOutput();
      if (filled === undefined) return false;
      filled.bytes += this.#gunzip.inflate(filled.buffer.subarray(filled.bytes));
      if (filled.bytes === filled.buffer.length) this.#write(filled);
      else if (!this.#takeInput()) {
        if (!this.#isLast) return false;
        this.#gunzip.end();
        this.#write(filled);
        return true;
      }
    }
  }

  #nextOutput() {
    const slot = this.#outputs.shift();
    if (slot !== undefined) this.#filled = { slot, buffer: outputSlot(this.#memory, slot), bytes: 0 };
    return this.#filled;
  }

  #takeInput(): boolean {
    if (this.#used !== undefined) waiting.push({ job: this.#id, tell: "used", slot: this.#used });
    const next = this.#inputs.shift();
    this.#used = next?.slot;
    if (next !== undefined) this.#gunzip.take(inputSlot(this.#memory, next.slot).subarray(0, next.bytes));
    return next !== undefined;
  }

  #write({ slot, buffer, bytes }: { slot: number; buffer: Uint8Array; bytes: number }): void {
    this.#filled = undefined;
    for (let at = 0; at < bytes; ) at += writeSync(this.#fd, buffer, at, bytes - at);
    tell({ job: this.#id, tell: "written", slot, bytes });
  }
}
