import { encodeStatusDetails, GrpcError, GrpcStatus } from "../../lib/buildkit/index.ts";
import { kindOf, log, messageOf } from "../../lib/index.ts";
import { BuildFailed } from "../build-failed.ts";

/** What BuildKit says of failed builds: clients print any other status before the message. */
const STATUS = GrpcStatus.unknown;

/** A failure for clients of BuildKit: they say "failed to solve" themselves, and show the lines of the Dockerfile. */
export function grpcErrorOf(error: unknown): GrpcError {
  if (error instanceof GrpcError) return error;
  const failed = buildFailedIn(error);
  if (failed === undefined) {
    if (kindOf(error) === "System") log.error("a call of the builder failed", { error: messageOf(error) });
    return new GrpcError(STATUS, messageOf(error).replace(/^failed to solve: /, ""), { cause: error });
  }
  const { fileName, fileText, lines } = failed.failure;
  const message = failed.message;
  const details =
    lines === undefined ? undefined : encodeStatusDetails(STATUS, message, { fileName, fileText, ...lines });
  return new GrpcError(STATUS, message, { cause: error, ...(details === undefined ? {} : { details }) });
}

function buildFailedIn(error: unknown): BuildFailed | undefined {
  for (let at = error; at instanceof Error; at = at.cause) if (at instanceof BuildFailed) return at;
  return undefined;
}
