import { EngineError, kindOf, messageOf } from "../../lib/index.ts";

/** A failure with the service that it is about, unless it names it already. */
export function inService(name: string, error: unknown): unknown {
  const message = messageOf(error);
  if (isAbort(error) || message.includes(`service "${name}"`) || message.includes(`service ${name}`))
    return error;
  return new EngineError(kindOf(error), `service "${name}": ${message}`, { cause: error });
}

export const isAbort = (error: unknown): boolean =>
  error instanceof DOMException && error.name === "AbortError";

/** Does some work; its failure is told as one of this service. */
export async function forService<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw inService(name, error);
  }
}
