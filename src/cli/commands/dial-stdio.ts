import type { Connection } from "../../sdk/index.ts";
import { defineCommand, NO_ARGUMENTS } from "../spec.ts";
import { Sink } from "../terminal/sink.ts";
import { standardInput } from "../terminal/stdin.ts";

/** The other end of `ssh://`: what a client elsewhere sends through ssh comes in here, and goes to this machine's engine. */
export const command = defineCommand({
  summary: "Join standard input and output to the engine's socket",
  description:
    "Join standard input and output to the engine's socket. Clients that reach the engine over ssh run this.",
  usage: "",
  arity: NO_ARGUMENTS,
  flags: {},
  async run({ cli }) {
    const connection = await (await cli.engine()).open();
    // An engine that no longer reads may still have something to say.
    sendInput(connection).catch((error: Error) => cli.debug(`standard input: ${error.message}`));
    const output = new Sink(1);
    for (let bytes = await connection.read(); bytes !== undefined; bytes = await connection.read()) {
      await output.write(bytes);
    }
    await output.flush();
  },
});

async function sendInput(connection: Connection): Promise<void> {
  for await (const bytes of standardInput()) await connection.write(bytes);
  connection.end();
}
