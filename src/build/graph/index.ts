export { type BuildGraph, type GraphOptions, graphOf, type Origin, stepKey, type Vertex } from "./graph.ts";
export type { InputIndex, Operation, OperationItem, OperationMount } from "./operation.ts";
