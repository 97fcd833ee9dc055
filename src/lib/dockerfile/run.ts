import { EngineError } from "../errors.ts";
import { commandOf } from "./command.ts";
import { type Flags, flagPlace, parseFlags } from "./flags.ts";
import type { RunInstruction, RunNetwork, RunSecurity } from "./instruction.ts";
import { parseDeviceFlag, parseMountFlag } from "./mount.ts";
import { type Statement, statementError } from "./statement.ts";
import { quote } from "./text.ts";

/** `RUN`. @throws DockerfileError */
export function typedRun(source: Statement): RunInstruction {
  const flags = parseFlags(source, { mount: "texts", network: "text", security: "text", device: "texts" });
  return {
    name: "RUN",
    source,
    command: commandOf(source),
    mounts: flags.texts("mount").map((text) => withPlace(source, "mount", () => parseMountFlag(text))),
    network: networkOf(source, flags),
    security: securityOf(source, flags),
    devices: flags.texts("device").map((text) => withPlace(source, "device", () => parseDeviceFlag(text))),
  };
}

function withPlace<T>(source: Statement, flag: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    throw statementError(source, error.message, flagPlace(source, flag));
  }
}

function networkOf(source: Statement, flags: Flags): RunNetwork {
  const value = flags.text("network") ?? "default";
  if (value === "default" || value === "none" || value === "host") return value;
  throw statementError(source, `invalid network mode ${quote(value)}`, flagPlace(source, "network"));
}

function securityOf(source: Statement, flags: Flags): RunSecurity {
  const value = flags.text("security") ?? "sandbox";
  if (value === "sandbox" || value === "insecure") return value;
  throw statementError(source, `security ${quote(value)} is not valid`, flagPlace(source, "security"));
}
