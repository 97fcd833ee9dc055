import { unavailable } from "../../lib/index.ts";
import { flock } from "../../linux/index.ts";

/** Choosing a subnet takes milliseconds; who holds the lock longer is stuck. */
const WAIT_MS_MAX = 10_000;
const RETRY_MS = 5;

/**
 * Lets one daemon of this host at a time look which subnets are free and take one: what another one has chosen is
 * visible to the next as an address of an interface.
 */
export async function withSubnetLock<T>(path: string, work: () => T): Promise<T> {
  const deadline = performance.now() + WAIT_MS_MAX;
  for (;;) {
    const lock = tryLock(path);
    if (lock !== undefined) {
      using _held = lock;
      return work();
    }
    if (performance.now() > deadline) throw unavailable(`another daemon holds ${path}; giving up`);
    await Bun.sleep(RETRY_MS);
  }
}

function tryLock(path: string): Disposable | undefined {
  try {
    return flock(path);
  } catch (error) {
    const code = (error as { code?: unknown }).code;
    if (code === "EWOULDBLOCK" || code === "EAGAIN") return undefined;
    throw error;
  }
}
