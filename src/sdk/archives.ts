import type { PathStat } from "../wire/index.ts";
import { type Cancel, signalOf } from "./cancel.ts";
import type { Engine } from "./engine.ts";
import { segment } from "./query.ts";

/** Files in and out of containers, as tar archives. */
export class Archives {
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** What the file at a path of the container is. */
  async stat(ref: string, path: string, cancel?: Cancel): Promise<PathStat> {
    const signal = signalOf(cancel);
    const response = await this.#engine.send({ method: "HEAD", path: at(ref), query: { path }, signal });
    await response.drain();
    return statIn(response.headers);
  }

  /** A file or folder as a tar, whose entries are named after its last path element. */
  async get(
    ref: string,
    path: string,
    cancel?: Cancel,
  ): Promise<{ stat: PathStat; tar: AsyncIterable<Uint8Array> }> {
    const signal = signalOf(cancel);
    const response = await this.#engine.send({ method: "GET", path: at(ref), query: { path }, signal });
    return { stat: statIn(response.headers), tar: response.body() };
  }

  /** Unpacks a tar into a folder of the container. */
  put(
    ref: string,
    path: string,
    tar: AsyncIterable<Uint8Array>,
    options: { noOverwriteDirNonDir?: boolean; copyOwner?: boolean; signal?: AbortSignal } = {},
  ): Promise<void> {
    const { noOverwriteDirNonDir, copyOwner, signal } = options;
    const query = {
      path,
      noOverwriteDirNonDir: noOverwriteDirNonDir ? "true" : undefined,
      copyUIDGID: copyOwner,
    };
    const headers = { "Content-Type": "application/x-tar" };
    return this.#engine.request({ method: "PUT", path: at(ref), query, headers, body: tar, signal });
  }
}

function at(ref: string): string {
  return `/containers/${segment("container", ref)}/archive`;
}

function statIn(headers: ReadonlyMap<string, string>): PathStat {
  const header = headers.get("x-docker-container-path-stat") ?? "";
  const bytes = Uint8Array.from(atob(header), (character) => character.charCodeAt(0));
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) as PathStat;
  } catch (error) {
    throw new Error("unable to decode container path stat header", { cause: error });
  }
}
