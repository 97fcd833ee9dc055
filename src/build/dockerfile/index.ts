export { type CheckOptions, type CheckWarning, parseCheckOptions } from "./checks.ts";
export { type GitReference, parseGitReference } from "./git-reference.ts";
export {
  type BaseImage,
  type BuildPlan,
  type ImageNeed,
  type PlannedStage,
  type PlanOptions,
  planBuild,
} from "./plan.ts";
export { formatPlatform, normalPlatform, type Platform, parsePlatform } from "./platform.ts";
export { imageKey } from "./resolve.ts";
export { RULES, type Rule, type RuleName } from "./rules.ts";
export { type Dockerfile, readDockerfile, type StageText } from "./stages.ts";
export type * from "./step.ts";
