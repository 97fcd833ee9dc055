import { EngineError, invalidParameter } from "../../lib/index.ts";
import { RuntimeError } from "../../runtime/index.ts";
import type { RunSettings, Work } from "../solve/contract.ts";
import { ProcessFailed } from "../solve/process-failed.ts";

type RunWork = Work<"run">["operation"];

/**
 * What a step asks for that nobody may have here. A client cannot grant it either: entitlements are for the daemon's
 * owner to give, as in BuildKit.
 * @throws Forbidden in BuildKit's words
 */
export function refuseUnentitled({ network, security, devices }: RunWork, settings: RunSettings): void {
  if (security === "insecure") throw new EngineError("Forbidden", "security.insecure is not allowed");
  // With `build --network=host` it was asked for by who builds, and not only by who wrote the Dockerfile.
  const mayUseHost = settings.network === "host" || settings.entitlements.includes("network.host");
  if (network === "host" && !mayUseHost) {
    throw new EngineError(
      "Forbidden",
      "network.host is not allowed: build with --network=host or --allow network.host to allow it",
    );
  }
  // Also one that is not required: the command would run without what it was written for.
  const [device] = devices;
  if (device !== undefined) {
    throw invalidParameter(
      `requested device ${JSON.stringify(device.name)} is not available: builds have no access to devices`,
    );
  }
}

/** A process that ended with something else than 0. */
export function processFailure(args: readonly string[], code: number, oomKilled: boolean): ProcessFailed {
  return new ProcessFailed(args, code, oomKilled ? "cannot allocate memory" : undefined);
}

/** A process that could not be started at all, as one that failed. */
export function startFailure(args: readonly string[], error: unknown): unknown {
  if (!(error instanceof RuntimeError) || error.exitCode === 128) return error;
  const reason = /exec: .*?(?=: unknown|$)/.exec(error.message)?.[0] ?? error.message;
  const [program = ""] = args;
  const isShell = /\/(?:ba|da|a)?sh$/.test(program) && error.exitCode === 127 && reason.includes(program);
  const hint = isShell ? ` (the image has no ${program}: without a shell only the form RUN ["…"] works)` : "";
  return new ProcessFailed(args, error.exitCode, reason + hint);
}
