import type { ContainerCreateRequest } from "../../wire/index.ts";
import type { Cli } from "../cli.ts";
import { checkPullPolicy, createContainer } from "../create-container.ts";
import { ExitError } from "../errors.ts";
import { bool, string } from "../flags.ts";
import { CONTAINER_FLAGS } from "../options/flags.ts";
import { type ContainerFlags, containerRequest } from "../options/request.ts";
import { runAttached } from "../run-attached.ts";
import { commandError, startError } from "../run-errors.ts";
import { atLeast, defineCommand } from "../spec.ts";
import { checkTerminal, withConsoleSize } from "../terminal-checks.ts";

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
    const [image = "", ...command] = args;
    const engine = await cli.engine();
    const request = checked("run", () => {
      checkPullPolicy(flags.pull);
      return engine.address;
    });
    const config = await cli.config();
    const container = checked("run", () =>
      containerRequest({ flags, changed, image, command, config, address: request }),
    );
    return runContainer(cli, container, flags);
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

/** Mistakes in flags end with the exit code of the command's own failures. */
export function checked<T>(command: "run" | "create", work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof ExitError ? error : commandError(error, command);
  }
}
