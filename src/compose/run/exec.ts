import type { Engine } from "../../sdk/index.ts";
import type { ExecConfig } from "../../wire/index.ts";
import type { ServiceContainer } from "../state/index.ts";
import { oneOfService } from "./service-container.ts";

export interface ExecOptions {
  readonly command: readonly string[];
  readonly index?: number;
  /** Without its streams. */
  readonly detach?: boolean;
  readonly tty?: boolean;
  /** With the client's standard input. */
  readonly interactive?: boolean;
  /** `NAME=value`, or `NAME`, whose value is the client's. */
  readonly env?: readonly string[];
  readonly user?: string;
  readonly workdir?: string;
  readonly privileged?: boolean;
  readonly detachKeys?: string;
}

/** A command that can be started in a container: `engine.execs.create(container.id, config)`. */
export interface PreparedExec {
  readonly container: ServiceContainer;
  readonly config: ExecConfig;
}

/** Finds the container for a command of `exec`. @throws Conflict `service "web" is not running`. */
export async function prepareExec(
  engine: Engine,
  project: string,
  service: string,
  options: ExecOptions,
): Promise<PreparedExec> {
  const container = await oneOfService(engine, project, service, { index: options.index, oneOff: true });
  const attached = options.detach !== true;
  return {
    container,
    config: {
      Cmd: [...options.command],
      User: options.user ?? "",
      WorkingDir: options.workdir ?? "",
      Privileged: options.privileged === true,
      Tty: options.tty === true,
      AttachStdin: attached && options.interactive === true,
      AttachStdout: attached,
      AttachStderr: attached,
      DetachKeys: options.detachKeys ?? "",
      Env: withValues(options.env ?? [], process.env),
    },
  };
}

/** A name alone takes its value from the environment, or is left out where that has none. */
function withValues(pairs: readonly string[], env: Readonly<Record<string, string | undefined>>): string[] {
  return pairs.flatMap((pair) => {
    if (pair.includes("=")) return [pair];
    const value = env[pair];
    return value === undefined ? [] : [`${pair}=${value}`];
  });
}
