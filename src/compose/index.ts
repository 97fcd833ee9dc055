export {
  type Application,
  type NamedService,
  type Progress,
  type Reporter,
  serviceNamed,
} from "./application.ts";
export { graphSvg, graphText } from "./graph/index.ts";
export * from "./images/index.ts";
export { ATTRIBUTES_LABEL, containerName, LABEL, projectFilter } from "./labels.ts";
export * from "./model/index.ts";
export * as observe from "./observe/index.ts";
export * from "./operations/index.ts";
export type { ActionKind, AttributeChange, Plan, PlannedAction, Reason } from "./plan/index.ts";
export * from "./project/index.ts";
export { splitCommand } from "./project/units/shell-words.ts";
export * from "./run/index.ts";
export * from "./state/index.ts";
export * from "./watch/index.ts";
