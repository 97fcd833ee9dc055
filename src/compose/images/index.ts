/** The services' images: who needs which, and how they get here. */
export {
  type BuildReporter,
  type BuildServicesOptions,
  buildServices,
  checkBuilds,
} from "./build.ts";
export type { BuildFlags } from "./build-request.ts";
export { type EnsureOptions, ensureImages } from "./ensure.ts";
export { factsOf, type ImageFacts, readImage, readImages } from "./facts.ts";
export { imageName } from "./names.ts";
export { type ImageChoice, type ImagePlan, type PlannedBuild, type PlannedPull, planImages } from "./plan.ts";
export { buildPlatforms, platformOf } from "./platforms.ts";
export type { PullChoice } from "./policy.ts";
export { printBuilds } from "./print.ts";
export { pruneDangling } from "./prune.ts";
export { type PullOptions, pullServices } from "./pull.ts";
export { type PushOptions, pushServices } from "./push.ts";
