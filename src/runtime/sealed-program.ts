import { statSync } from "node:fs";
import { log, messageOf } from "../lib/index.ts";
import { type SealedCopy, sealedCopy } from "../linux/index.ts";

/**
 * runc by a sealed copy in memory. Each runc process that enters a container first sees to it that the container cannot
 * overwrite the program it runs (CVE-2019-5736): it mounts or copies itself, and starts once more. A sealed copy is what
 * it accepts as safe at once (libcontainer/nsenter/cloned_binary.c), which saves a start of a program, 1 ms, each time.
 */
export class SealedProgram {
  readonly #path: string;
  #copy: SealedCopy | undefined;
  #copied = "";

  constructor(path: string) {
    this.#path = path;
  }

  /** What to execute: the copy, made anew after an update of the program; the program itself where that can't be had. */
  get path(): string {
    try {
      const { ino, size, mtimeMs } = statSync(this.#path);
      const version = `${ino}-${size}-${mtimeMs}`;
      if (version !== this.#copied) this.#renew(version);
    } catch (error) {
      log.debug("the runtime is not there", { path: this.#path, error: messageOf(error) });
    }
    return this.#copy?.path ?? this.#path;
  }

  #renew(version: string): void {
    const old = this.#copy;
    this.#copy = undefined;
    this.#copied = version;
    try {
      const copy = sealedCopy(this.#path);
      if (runs(copy.path)) this.#copy = copy;
      else copy[Symbol.dispose]();
    } catch (error) {
      log.debug("the runtime is used without a sealed copy", { path: this.#path, error: messageOf(error) });
    }
    // A monitor that was started a moment ago may be about to execute the old one.
    if (old !== undefined) setTimeout(() => old[Symbol.dispose](), OLD_COPY_MS).unref();
  }
}

const OLD_COPY_MS = 60_000;

/** Not where the kernel forbids to execute memory (the sysctl vm.memfd_noexec). */
function runs(path: string): boolean {
  return Bun.spawnSync([path, "--version"], { stdio: ["ignore", "ignore", "ignore"], env: {} }).success;
}
