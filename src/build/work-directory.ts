import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { log, messageOf } from "../lib/index.ts";
import type { BuilderOptions } from "./builder.ts";
import type { ContextWish } from "./contexts/index.ts";
import type { Lease } from "./solve/lease.ts";

/** A directory of one build, which goes with it. Most builds need none, so it is made when it is first asked for. */
export class WorkDirectory {
  readonly #builder: Pick<BuilderOptions, "directory" | "discard">;
  readonly #name: string;
  readonly #lease: Lease;
  #path: string | undefined;

  constructor(builder: Pick<BuilderOptions, "directory" | "discard">, name: string, lease: Lease) {
    this.#builder = builder;
    this.#name = name;
    this.#lease = lease;
  }

  get path(): string {
    this.#path ??= this.#make();
    return this.#path;
  }

  /** Lets who opens a context ask for it. */
  forWish(wish: Omit<ContextWish, "directory">): ContextWish {
    const ask = () => this.path;
    return {
      ...wish,
      get directory() {
        return ask();
      },
    };
  }

  #make(): string {
    const { directory, discard } = this.#builder;
    const path = join(directory, this.#name);
    mkdirSync(path, { mode: 0o700 });
    this.#lease.defer(() =>
      discard(path).catch((error: unknown) =>
        log.warn("cannot remove a build's directory", { path, error: messageOf(error) }),
      ),
    );
    return path;
  }
}
