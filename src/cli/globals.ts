import { configDirectory } from "../sdk/index.ts";
import { bool, type Flags, list, string, type Values } from "./flags.ts";

/** Flags that stand before the command. */
export const GLOBAL_FLAGS = {
  config: string("Folder of the client's configuration (default ~/.docker)", { complete: "files" }),
  context: string("Context that says which engine to use, instead of DOCKER_HOST and the current one", {
    short: "c",
  }),
  debug: bool("Say what the client does", { short: "D" }),
  host: list("Address of the engine: unix:///path or tcp://host:port", { short: "H" }),
  "log-level": string("What the client logs: debug, info, warn, error or fatal", {
    short: "l",
    initial: "info",
    complete: ["debug", "info", "warn", "error", "fatal"],
  }),
  tls: bool("Use TLS"),
  tlscacert: string("Trust only certificates signed by this CA", { complete: "files" }),
  tlscert: string("The client's certificate", { complete: "files" }),
  tlskey: string("The key of the client's certificate", { complete: "files" }),
  tlsverify: bool("Use TLS and verify the engine"),
  version: bool("Print the version and quit", { short: "v" }),
} satisfies Flags;

export interface GlobalFlags {
  readonly host: string | undefined;
  readonly context: string | undefined;
  readonly configDirectory: string;
  readonly debug: boolean;
}

const LEVELS = ["debug", "info", "warn", "error", "fatal"];

/** Checks the global flags and fills in what the environment says. @throws an Error with Docker's words. */
export function readGlobals(
  values: Values<typeof GLOBAL_FLAGS>,
  env: Readonly<Record<string, string | undefined>>,
): GlobalFlags {
  if (values.host.length > 1) throw new Error("Specify only one -H");
  const level = values["log-level"];
  if (!LEVELS.includes(level)) throw new Error(`unable to parse logging level: ${level}`);
  if (values.tls || values.tlsverify || isSet(env["DOCKER_TLS_VERIFY"])) {
    throw new Error("TLS is not supported yet: use unix:// or a plain tcp:// address");
  }
  return {
    host: values.host[0],
    context: values.context === "" ? undefined : values.context,
    configDirectory: values.config === "" ? configDirectory(env) : values.config,
    debug: values.debug || level === "debug" || isSet(env["DEBUG"]),
  };
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== "";
}
