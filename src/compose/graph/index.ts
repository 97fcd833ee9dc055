export { graphSvg } from "./svg.ts";
export { graphText } from "./text.ts";
