import { closeSync, fstatSync, openSync, read, readSync } from "node:fs";

/**
 * One file of a container's log. It is known by this object, not by its name, which changes when the log is rotated; who
 * reads it holds it, and can then read it to its end even after its name is gone.
 */
export class Segment {
  /** Where it is now; rotation changes it. */
  path: string;
  /** The file's number: tells whether the name has come to mean another file. */
  readonly inode: number;
  #fd: number | undefined;
  #holders = 0;
  #final = false;
  /** Size of a file that is final, so that sums need no system call. */
  #finalSize: number | undefined;

  constructor(path: string, inode: number, final: boolean) {
    this.path = path;
    this.inode = inode;
    this.#final = final;
  }

  /** Nothing is written to it any more (the newest one is written to again when the container is started again). */
  get final(): boolean {
    return this.#final;
  }

  set final(value: boolean) {
    this.#final = value;
    this.#finalSize = undefined;
  }

  /** Opens it for the first holder. @throws where the file is gone */
  hold(): void {
    this.#fd ??= openSync(this.path, "r");
    this.#holders++;
  }

  release(): void {
    if (this.#holders === 0 || --this.#holders > 0 || this.#fd === undefined) return;
    closeSync(this.#fd);
    this.#fd = undefined;
  }

  /** Bytes now. Held only. */
  size(): number {
    if (this.#finalSize !== undefined) return this.#finalSize;
    const { size } = fstatSync(this.#descriptor());
    if (this.#final) this.#finalSize = size;
    return size;
  }

  /** Reads into the whole buffer or up to the end of the file. Held only. @returns Bytes read. */
  read(buffer: Buffer, position: number): Promise<number> {
    const fd = this.#descriptor();
    return new Promise((resolve, reject) =>
      read(fd, buffer, 0, buffer.length, position, (error, count) =>
        error ? reject(error) : resolve(count),
      ),
    );
  }

  /** For a few bytes that were just written and are in memory. */
  readNow(buffer: Buffer, position: number): number {
    return readSync(this.#descriptor(), buffer, 0, buffer.length, position);
  }

  #descriptor(): number {
    if (this.#fd === undefined) throw new Error(`log segment ${this.path} is read without being held`);
    return this.#fd;
  }
}
