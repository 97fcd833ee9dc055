import { notImplemented } from "../lib/index.ts";
import { ResponseError } from "./errors.ts";

/**
 * For calls below `/berth`.
 * @throws NotImplemented where the engine is another one, which has no such route
 */
export async function ownOfBerth<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    const isForeign =
      error instanceof ResponseError && error.status === 404 && error.message === "page not found";
    throw isForeign ? notImplemented("this engine is not berth, and has no way to do that") : error;
  }
}
