// A container that ends with its block, whatever happens in it: also when it throws.
import { Engine, EngineError } from "berth";

const image = process.env["IMAGE"] ?? "busybox";
const engine = await Engine.connect();

async function answer(): Promise<string> {
  await using server = await engine.run(image, {
    command: ["sh", "-c", "echo warming up; sleep 0.2; echo ready; sleep 600"],
    waitFor: /^ready$/,
  });
  console.log(`${server.name} is ready`);
  const { stdout } = await server.exec(["echo", "hello from inside"]);
  console.log(stdout.trim());
  return server.id;
}

const id = await answer();
try {
  await engine.container(id);
} catch (error) {
  if (!(error instanceof EngineError)) throw error;
  console.log(`and then it is gone: ${error.kind}`);
}
