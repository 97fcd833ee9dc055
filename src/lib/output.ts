/** Which of a process's outputs bytes came from; the numbers are those of Docker's stream frames. */
export const STDIN = 0;
export const STDOUT = 1;
export const STDERR = 2;
export type OutputStream = typeof STDOUT | typeof STDERR;

/** A run of bytes of one output stream. Producers join neighbours of the same stream into large chunks. */
export interface OutputChunk {
  readonly stream: OutputStream;
  readonly bytes: Uint8Array;
}

/** A client joined to the streams of a container or an exec'd process. */
export interface StreamSession {
  /** With a tty there is one stream and the API sends it raw; without, it frames each chunk. */
  readonly tty: boolean;
  /** Ends when the process has ended and all of its output was delivered, or after detach. */
  readonly output: AsyncIterable<OutputChunk>;
  /** Absent where the client did not ask for standard input or the process has none. */
  readonly input?: StreamInput;
}

export interface StreamInput {
  /** Resolves when the bytes were taken: await it, so that a slow process slows its writer down. */
  write(bytes: Uint8Array): Promise<void>;
  /** Half-close: the process reads end-of-file; its output goes on. Idempotent. */
  end(): void;
}
