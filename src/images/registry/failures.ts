import { RegistryError } from "../../distribution/index.ts";
import { EngineError, systemError } from "../../lib/index.ts";
import { familiarName, familiarRepository, type ImageName } from "../reference.ts";

/** Docker's words for what a registry says no to, with the registry's own behind them. */
export function pullFailure(error: unknown, name: ImageName): unknown {
  if (!(error instanceof RegistryError)) return error;
  const text = textFor(error, name);
  // A 401 of ours would make the client ask for a user and a password in the middle of its command; Docker's is a 500.
  if (text === undefined && error.kind === "Unauthorized") return systemError(error.message, error);
  if (text === undefined) return error;
  return new EngineError("NotFound", `${text}: ${error.message}`, { cause: error });
}

function textFor({ code, status }: RegistryError, name: ImageName): string | undefined {
  const repository = familiarRepository(name);
  switch (code) {
    case "DENIED":
      return `pull access denied for ${repository}, repository does not exist or may require 'docker login'`;
    case "MANIFEST_UNKNOWN":
      return `manifest for ${familiarName(name)} not found`;
    case "NAME_UNKNOWN":
      return `repository ${repository} not found`;
    default:
      return code === "" && status === 404 ? `manifest for ${familiarName(name)} not found` : undefined;
  }
}
