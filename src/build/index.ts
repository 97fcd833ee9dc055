/** Images from Dockerfiles: what a Dockerfile asks for, and the graph of work that comes of it. */
export * from "./dockerfile/index.ts";
export * from "./graph/index.ts";
