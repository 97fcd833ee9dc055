import type { Dockerfile } from "../dockerfile/index.ts";
import { descriptionOf, locationOf, sourceOf, withoutEmpty } from "./locations.ts";

/** `--call=targets`: the stages that can be built, in BuildKit's words (`frontend/subrequests/targets`). */
export function describeTargets({ stages }: Dockerfile, text: string): unknown {
  const targets = stages.map(({ from }, index) => ({
    ...withoutEmpty({
      name: from.stage,
      default: index === stages.length - 1,
      description: descriptionOf(from.stage, from.source.comments),
      base: from.base,
      platform: from.platform,
    }),
    location: locationOf(from.source.lines),
  }));
  return { targets, sources: [sourceOf(text)] };
}
