/** What Bun's event loop tells about a descriptor that was handed to it. */
interface AdoptedSocket {
  write(bytes: Uint8Array): number;
  terminate(): void;
}

interface AdoptedHandlers {
  drain?(): void;
  error?(socket: AdoptedSocket, error: Error): void;
  close?(): void;
}

/**
 * Hands an open descriptor to Bun's event loop as if it were a socket; from here on the loop owns and closes it.
 * `fd` is an option of `Bun.connect` that its types leave out; tests of this room hold what is relied on.
 */
export function adoptSocket(fd: number, handlers: AdoptedHandlers): Promise<AdoptedSocket> {
  const socket = {
    binaryType: "uint8array",
    data() {},
    end() {},
    open() {},
    drain() {},
    error() {},
    ...handlers,
  };
  const options = { fd, allowHalfOpen: true, socket } as unknown as Bun.TCPSocketConnectOptions;
  return Bun.connect(options) as unknown as Promise<AdoptedSocket>;
}

/**
 * Resolves when a descriptor that is no socket becomes readable: the loop then tries to receive from it, is told
 * ENOTSOCK, and closes it. That is how a pidfd says that its process has ended. Takes over the descriptor.
 * Resolves as well when the signal aborts.
 */
export async function readableThenClosed(fd: number, signal?: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const socket = await adoptSocket(fd, { close: resolve });
  const stop = () => socket.terminate();
  if (signal?.aborted === true) stop();
  signal?.addEventListener("abort", stop, { once: true });
  await promise;
  signal?.removeEventListener("abort", stop);
}
