import type { ImageInspect } from "../../wire/index.ts";
import type { NamedService } from "../application.ts";
import { parseDuration } from "../project/units/duration.ts";

/** When an image is fetched although it is here, or not although it is missing. */
export type PullPolicy =
  | { readonly kind: "always" | "never" | "build" | "missing" }
  /** Where it was last fetched longer ago than this, in milliseconds. */
  | { readonly kind: "refresh"; readonly ageMs: number };

const DAY_MS = 24 * 3600 * 1000;

/** Reads `pull_policy`; what says nothing, or nothing that is known, is `missing`. */
export function pullPolicy(text: string | undefined): PullPolicy {
  switch (text) {
    case "always":
    case "never":
    case "build":
      return { kind: text };
    case "daily":
      return { kind: "refresh", ageMs: DAY_MS };
    case "weekly":
      return { kind: "refresh", ageMs: 7 * DAY_MS };
  }
  const age = text?.startsWith("every_") === true ? parseDuration(text.slice("every_".length)) : undefined;
  return age === undefined ? { kind: "missing" } : { kind: "refresh", ageMs: age / 1e6 };
}

/** Why an image is fetched now; undefined: it is not. */
export function whyPull(
  policy: PullPolicy,
  image: ImageInspect | undefined,
  now = Date.now(),
): string | undefined {
  switch (policy.kind) {
    case "always":
      return "pull policy is always";
    case "never":
    case "build":
      return undefined;
    case "missing":
      return image === undefined ? "image is not here" : undefined;
    case "refresh": {
      if (image === undefined) return "image is not here";
      const tagged = Date.parse(image.Metadata?.LastTagTime ?? "");
      return Number.isNaN(tagged) || now > tagged + policy.ageMs
        ? "image is older than its pull policy allows"
        : undefined;
    }
  }
}

/** What a command says of pulling instead of what the services do. */
export type PullChoice = "always" | "missing" | "never" | "build" | "policy";

/** The policy that counts for a service. `--build` wins for what can be built, then `--pull`, then the service's own. */
export function policyFor(
  service: NamedService,
  choice: { readonly build?: boolean | undefined; readonly pull?: PullChoice | undefined },
): PullPolicy {
  if (choice.build === true && service.build !== undefined) return { kind: "build" };
  const { pull } = choice;
  return pullPolicy(pull === undefined || pull === "policy" ? service.pull_policy : pull);
}
