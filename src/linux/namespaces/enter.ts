import { systemError } from "../../lib/index.ts";
import { AT_FDCWD, CLONE_NEWNET, O_CLOEXEC, O_RDONLY } from "../constants.ts";
import { check, libc } from "../libc.ts";
import { cString } from "../paths.ts";

/** Anything that holds a namespace by a descriptor. */
export interface NamespaceHandle {
  readonly fd: number;
}

/** `/proc/thread-self`: `setns(2)` and `unshare(2)` move the calling thread only, and that is the one that matters here. */
const OWN_NETWORK = "/proc/thread-self/ns/net";

/** The namespace that this thread is in; its home before the first departure, whose descriptor is held for good. */
let here: number | undefined;

/**
 * Runs work inside a network namespace: sockets that it opens and files of /proc/sys/net that it writes are that
 * namespace's, and sockets stay so. The work must not wait for anything: until it returns, the whole thread is there.
 * Keep it brief, and use a socket after coming home: a helper thread that the runtime happens to start meanwhile is
 * born in the namespace and keeps it alive. A thread that cannot come home would serve the host from a container's
 * namespace, so the process is aborted then.
 * @throws System where the work returned a promise; LinuxError where the namespace cannot be entered.
 */
export function inNetworkNamespace<T>(namespace: NamespaceHandle, work: () => T): T {
  return away(() => {
    check("setns", libc.setns(namespace.fd, CLONE_NEWNET));
    here = namespace.fd;
    return work();
  });
}

/** Makes a network namespace and runs work inside it. @returns what the work made of the namespace's descriptor. */
export function inNewNetworkNamespace<T>(work: (fd: number) => T): T {
  return away(() => {
    check("unshare", libc.unshare(CLONE_NEWNET));
    here = openOwnNetwork();
    return work(here);
  });
}

/** Comes back to where the thread was, however the work ends. */
function away<T>(work: () => T): T {
  here ??= openOwnNetwork();
  const before = here;
  try {
    const result = work();
    if (result instanceof Promise) throw systemError("work inside a namespace must not be asynchronous");
    return result;
  } finally {
    if (libc.setns(before, CLONE_NEWNET) !== 0) process.abort();
    here = before;
  }
}

function openOwnNetwork(): number {
  const flags = O_RDONLY | O_CLOEXEC;
  return check("open", libc.openat(AT_FDCWD, cString(OWN_NETWORK), flags, 0), OWN_NETWORK);
}
