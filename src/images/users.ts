import type { Digest } from "../lib/index.ts";

/** A container that was made from an image. */
export interface ImageUser {
  readonly containerId: string;
  readonly isRunning: boolean;
}

/** Which containers stand on which images. The containers tell, anew at each daemon start. */
export class Users {
  readonly #images = new Map<string, Digest>();
  readonly #isRunning: (containerId: string) => boolean;

  constructor(isRunning: (containerId: string) => boolean) {
    this.#isRunning = isRunning;
  }

  hold(containerId: string, image: Digest): void {
    this.#images.set(containerId, image);
  }

  release(containerId: string): void {
    this.#images.delete(containerId);
  }

  of(image: Digest): ImageUser[] {
    const users: ImageUser[] = [];
    for (const [containerId, used] of this.#images) {
      if (used === image) users.push({ containerId, isRunning: this.#isRunning(containerId) });
    }
    return users;
  }

  count(image: Digest): number {
    return this.of(image).length;
  }
}
