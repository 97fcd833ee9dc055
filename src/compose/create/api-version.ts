import { type Engine, isOlder } from "../../sdk/index.ts";
import type { Application } from "../application.ts";

const settled = new WeakMap<Engine, Promise<string>>();

/** Whether the engine speaks only versions of the API before this one. Asked once, and only where it matters. */
export async function isBefore({ engine }: Application, version: string): Promise<boolean> {
  const known = settled.get(engine) ?? engine.negotiate();
  settled.set(engine, known);
  return isOlder(await known, version);
}
