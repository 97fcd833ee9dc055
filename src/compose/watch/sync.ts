import { lstatSync } from "node:fs";
import { kindOf, systemError } from "../../lib/index.ts";
import type { Application } from "../application.ts";
import { containersOfService } from "../run/service-container.ts";
import type { ServiceContainer } from "../state/index.ts";
import { type Mapped, packFiles } from "./pack.ts";

/** A file that is to be in a container as it is here, or not at all any more. */
export interface SyncedFile extends Mapped {
  readonly removed: boolean;
}

/** Paths in one call of `rm`. */
const REMOVED_AT_ONCE = 500;
/** A container that goes while it is written to has been replaced, most likely. */
const ATTEMPTS = 3;

/**
 * Keeps the files of services' containers as those here. What it has brought into the containers of a service it brings into
 * a container that takes their place, too.
 */
export class Sync {
  readonly #app: Application;
  readonly #sent = new Map<string, { containers: Set<string>; files: Map<string, SyncedFile> }>();

  constructor(app: Application) {
    this.#app = app;
  }

  /** The service's image has all the files now. */
  forget(service: string): void {
    this.#sent.delete(service);
  }

  /** Copies and removes files in all containers of a service, with one archive each. @throws what the engine says. */
  async run(service: string, files: readonly SyncedFile[]): Promise<void> {
    const sent = this.#sent.get(service) ?? { containers: new Set(), files: new Map() };
    this.#sent.set(service, sent);
    for (const file of files) sent.files.set(file.target, file);
    for (let attempt = 1; ; attempt++) {
      const { engine, project, signal } = this.#app;
      const containers = await containersOfService(engine, project.name, service, { all: true, signal });
      try {
        await Promise.all(
          containers.map(async (container) => {
            // The first ones have what was in them.
            const isNew = sent.containers.size > 0 && !sent.containers.has(container.id);
            await this.#into(container, isNew ? [...sent.files.values()] : files);
          }),
        );
        sent.containers = new Set(containers.map(({ id }) => id));
        return;
      } catch (error) {
        if (kindOf(error) !== "NotFound" || attempt === ATTEMPTS || signal?.aborted === true) throw error;
      }
    }
  }

  async #into(container: ServiceContainer, files: readonly SyncedFile[]): Promise<void> {
    if (this.#app.dryRun) return;
    const { engine, signal } = this.#app;
    const gone = files.filter(({ path, removed }) => removed && !exists(path));
    if (gone.length > 0) await this.#remove(container, gone);
    const there = files.filter((file) => !gone.includes(file));
    if (there.length === 0) return;
    await engine.containers.archives.put(container.id, "/", packFiles(there), {
      copyOwner: true,
      ...(signal !== undefined && { signal }),
    });
  }

  /** The API has no call to remove files: the container's own `rm` does it. */
  async #remove(container: ServiceContainer, files: readonly SyncedFile[]): Promise<void> {
    if (container.state !== "running") return;
    const targets = files.map(({ target }) => target).filter((target) => target !== "/");
    for (let from = 0; from < targets.length; from += REMOVED_AT_ONCE) {
      const Cmd = ["rm", "-rf", "--", ...targets.slice(from, from + REMOVED_AT_ONCE)];
      const { code, output } = await this.#exec(container.id, Cmd);
      if (code !== 0)
        throw systemError(
          `cannot remove files in ${container.name}: ${output.trim() || `rm exited with ${code}`}`,
        );
    }
  }

  async #exec(container: string, Cmd: string[]): Promise<{ code: number; output: string }> {
    const { execs } = this.#app.engine;
    const id = await execs.create(container, { Cmd, User: "0", AttachStdout: true, AttachStderr: true });
    using stream = await execs.start(id, { tty: false });
    const decoder = new TextDecoder();
    let output = "";
    for await (const { bytes } of stream.output)
      if (output.length < 4096) output += decoder.decode(bytes, { stream: true });
    return { code: (await execs.inspect(id)).ExitCode ?? 0, output };
  }
}

function exists(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}
