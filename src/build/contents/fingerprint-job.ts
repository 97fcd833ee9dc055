/** Folders of which fingerprints are to be taken on the thread for that, from the last one on. */
export interface FingerprintJob {
  readonly job: number;
  /** The tree's top; it stays open until the answer. */
  readonly rootFd: number;
  readonly paths: readonly string[];
  /** What both threads see of the folders: `FolderStates`. */
  readonly shared: SharedArrayBuffer;
}

/** The thread does no more for a job. */
export interface FingerprintAnswer {
  readonly job: number;
}

const FINGERPRINT_BYTES = 32;
const STATE_BYTES = Int32Array.BYTES_PER_ELEMENT;
const [FREE, CLAIMED, DONE] = [0, 1, 2];

/** Who takes which folder's fingerprint, and what the thread has taken. Of each folder there is a number and room for a fingerprint. */
export class FolderStates {
  readonly #states: Int32Array;
  readonly #shared: SharedArrayBuffer;

  constructor(shared: SharedArrayBuffer) {
    this.#shared = shared;
    this.#states = new Int32Array(shared, 0, shared.byteLength / (STATE_BYTES + FINGERPRINT_BYTES));
  }

  static memoryFor(folders: number): SharedArrayBuffer {
    return new SharedArrayBuffer(folders * (STATE_BYTES + FINGERPRINT_BYTES));
  }

  /** @returns false where the other thread has claimed it before */
  claim(index: number): boolean {
    return Atomics.compareExchange(this.#states, index, FREE!, CLAIMED!) === FREE;
  }

  claimAll(): void {
    for (let index = 0; index < this.#states.length; index++) this.claim(index);
  }

  tell(index: number, fingerprint: string): void {
    this.#fingerprint(index).write(fingerprint, "latin1");
    Atomics.store(this.#states, index, DONE!);
  }

  /** Undefined where the thread has not taken it. */
  told(index: number): string | undefined {
    if (Atomics.load(this.#states, index) !== DONE) return undefined;
    return this.#fingerprint(index).toString("latin1");
  }

  #fingerprint(index: number): Buffer {
    const from = this.#states.length * STATE_BYTES + index * FINGERPRINT_BYTES;
    return Buffer.from(this.#shared, from, FINGERPRINT_BYTES);
  }
}
