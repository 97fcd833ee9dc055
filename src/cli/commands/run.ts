import type { ContainerCreateRequest } from "../../wire/index.ts";
import { createContainer } from "../actions/create-container.ts";
import { runAttached } from "../actions/run-attached.ts";
import { startError } from "../actions/run-errors.ts";
import type { Cli } from "../cli.ts";
import { bool, string } from "../flags.ts";
import { buildRequest } from "../options/build-request.ts";
import { CONTAINER_FLAGS } from "../options/flags.ts";
import type { ContainerFlags } from "../options/request.ts";
import { atLeast, defineCommand } from "../spec.ts";
import { checkTerminal, withConsoleSize } from "../terminal/terminal-checks.ts";

export const command = defineCommand({
  summary: "Create a container from an image and run it",
  usage: "[OPTIONS] IMAGE [COMMAND] [ARG...]",
  arity: atLeast(1),
  stopAtFirstArgument: true,
  complete: "images",
  flags: {
    ...CONTAINER_FLAGS,
    detach: bool("Run in the background and print the container's id", { short: "d" }),
    "detach-keys": string("Keys that detach from the container"),
    pull: string("Pull the image before: always, missing or never", {
      initial: "missing",
      complete: ["always", "missing", "never"],
    }),
    "sig-proxy": bool("Pass signals on to the container", { initial: true }),
  },
  async run({ cli, args, flags, changed }) {
    return runContainer(cli, await buildRequest(cli, "run", args, flags, changed), flags);
  },
});

interface RunFlags extends ContainerFlags {
  readonly detach: boolean;
  readonly "detach-keys": string;
  readonly pull: string;
  readonly "sig-proxy": boolean;
}

async function runContainer(cli: Cli, request: ContainerCreateRequest, flags: RunFlags): Promise<number> {
  if (flags.detach && flags.attach.length > 0) {
    throw new Error("conflicting options: cannot specify both --attach and --detach");
  }
  const wanted = flags.detach ? detached(request) : request;
  if (!flags.detach) checkTerminal(cli, wanted.AttachStdin === true, wanted.Tty === true);
  const id = await createContainer(cli, withConsoleSize(wanted), {
    ...flags,
    platform: platformOf(cli, flags),
  }).catch((error: unknown) => {
    throw startError(error);
  });
  const isAttached = wanted.AttachStdin || wanted.AttachStdout || wanted.AttachStderr;
  if (isAttached) return runAttached(cli, id, wanted, flags);
  await (await cli.engine()).containers.start(id).catch((error: unknown) => {
    throw startError(error);
  });
  cli.line(id);
  return 0;
}

function detached(request: ContainerCreateRequest): ContainerCreateRequest {
  return { ...request, AttachStdin: false, AttachStdout: false, AttachStderr: false, StdinOnce: false };
}

/** The environment may name a default. */
export function platformOf(cli: Cli, flags: { readonly platform: string }): string {
  return flags.platform === "" ? (cli.env["DOCKER_DEFAULT_PLATFORM"] ?? "") : flags.platform;
}
