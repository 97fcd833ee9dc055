import { isOlder } from "../../sdk/index.ts";
import type { ContainerCreateRequest } from "../../wire/index.ts";
import { commandError } from "../actions/run-errors.ts";
import type { Cli } from "../cli.ts";
import { checkContentTrust } from "./content-trust.ts";
import { type ContainerFlags, containerRequest } from "./request.ts";

/** What `run` and `create` ask of the engine; mistakes in flags end with their exit code. */
export async function buildRequest(
  cli: Cli,
  name: "run" | "create",
  args: readonly string[],
  flags: ContainerFlags & { readonly pull: string },
  changed: (flag: keyof ContainerFlags) => boolean,
): Promise<ContainerCreateRequest> {
  const [image = "", ...command] = args;
  const [engine, config] = await Promise.all([cli.engine(), cli.config()]);
  const macInConfig = flags["mac-address"] !== "" && isOlder(await engine.negotiate(), "1.44");
  try {
    checkPullPolicy(flags.pull);
    checkContentTrust(flags);
    return containerRequest({ flags, changed, image, command, config, macInConfig, address: engine.address });
  } catch (error) {
    throw commandError(error, name);
  }
}

/** @throws with Docker's words. */
function checkPullPolicy(policy: string): void {
  if (!["always", "missing", "never", ""].includes(policy)) {
    throw new Error(`invalid pull option: '${policy}': must be one of "always", "missing" or "never"`);
  }
}
