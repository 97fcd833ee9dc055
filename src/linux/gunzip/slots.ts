/** What is said between the thread that inflates and the one that has it inflate. */

/** What the thread is asked, each for a job. */
export type GunzipRequest =
  | { readonly job: number; readonly ask: "begin"; readonly path: string; readonly memory: SharedArrayBuffer }
  /** An input slot holds the next bytes. */
  | { readonly job: number; readonly ask: "inflate"; readonly slot: number; readonly bytes: number }
  /** An output slot may be filled again. */
  | { readonly job: number; readonly ask: "go on"; readonly slot: number }
  /** No more input comes. */
  | { readonly job: number; readonly ask: "finish" }
  /** Nobody wants to know any more. */
  | { readonly job: number; readonly ask: "give up" };

/** What it says: first whether it can inflate at all, then of each job. It has forgotten the job that has `ended`. */
export type GunzipAnswer =
  | { readonly canInflate: boolean }
  /** An input slot may be filled again. */
  | { readonly job: number; readonly tell: "used"; readonly slot: number }
  /** An output slot holds the next bytes, which are in the file already. */
  | { readonly job: number; readonly tell: "written"; readonly slot: number; readonly bytes: number }
  | { readonly job: number; readonly tell: "ended"; readonly failure?: GunzipFailure | undefined };

export interface GunzipFailure {
  readonly message: string;
  /** Of the data; else of the file, with the system's own code. */
  readonly isDamage: boolean;
  readonly code?: string | undefined;
}

export const INPUT_SLOTS = 2;
export const INPUT_BYTES = 128 << 10;
export const OUTPUT_SLOTS = 2;
export const OUTPUT_BYTES = 256 << 10;

/** What a job shares with the thread: first the slots for what comes in, then those for what goes out. */
export const SHARED_BYTES = INPUT_SLOTS * INPUT_BYTES + OUTPUT_SLOTS * OUTPUT_BYTES;

export function inputSlot(memory: SharedArrayBuffer, slot: number): Uint8Array {
  return new Uint8Array(memory, slot * INPUT_BYTES, INPUT_BYTES);
}

export function outputSlot(memory: SharedArrayBuffer, slot: number): Uint8Array {
  return new Uint8Array(memory, INPUT_SLOTS * INPUT_BYTES + slot * OUTPUT_BYTES, OUTPUT_BYTES);
}
