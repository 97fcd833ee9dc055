import { createContainer } from "../actions/create-container.ts";
import { string } from "../flags.ts";
import { buildRequest } from "../options/build-request.ts";
import { CONTAINER_FLAGS } from "../options/flags.ts";
import { atLeast, defineCommand } from "../spec.ts";
import { withConsoleSize } from "../terminal/terminal-checks.ts";
import { platformOf } from "./run.ts";

export const command = defineCommand({
  summary: "Create a container without running it",
  usage: "[OPTIONS] IMAGE [COMMAND] [ARG...]",
  arity: atLeast(1),
  stopAtFirstArgument: true,
  complete: "images",
  flags: {
    ...CONTAINER_FLAGS,
    pull: string("Pull the image before: always, missing or never", {
      initial: "missing",
      complete: ["always", "missing", "never"],
    }),
  },
  async run({ cli, args, flags, changed }) {
    const request = await buildRequest(cli, "create", args, flags, changed);
    cli.line(
      await createContainer(cli, withConsoleSize(request), { ...flags, platform: platformOf(cli, flags) }),
    );
  },
});
