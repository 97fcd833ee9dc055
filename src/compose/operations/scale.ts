import type { Application } from "../application.ts";
import type { ScaleOptions, UpResult } from "./options.ts";
import { up } from "./up.ts";

/** Brings services to so many containers each. */
export function scale(
  app: Application,
  services: Readonly<Record<string, number>>,
  options: ScaleOptions = {},
): Promise<UpResult> {
  return up(app, { ...options, services: Object.keys(services), scale: services });
}
