// dockerode 5, the Docker library of Node programs. What they do with it is in packages/dockerode.mjs.
import { afterAll } from "bun:test";
import { IMAGE } from "../support/engine.ts";
import { nodeTests } from "../support/node-client.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import { useEngine } from "../support/suite.ts";

const { engine } = useEngine();
let registry: TestRegistry | undefined;

afterAll(() => registry?.[Symbol.asyncDispose]());

nodeTests("dockerode.mjs", engine, async () => {
  registry = await startRegistry({ users: { user: "secret" } });
  return { IMAGE, REGISTRY: registry.address };
});
