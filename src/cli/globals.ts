import { certificateDirectory, configDirectory, type TlsRequest } from "../sdk/index.ts";
import { bool, type Flags, list, string, type Values } from "./flags.ts";

/** Flags that stand before the command. */
export const GLOBAL_FLAGS = {
  config: string("Folder of the client's configuration (default ~/.docker)", { complete: "files" }),
  context: string("Context that says which engine to use, instead of DOCKER_HOST and the current one", {
    short: "c",
    complete: "contexts",
  }),
  debug: bool("Say what the client does", { short: "D" }),
  host: list("Address of the engine: unix:///path, tcp://host:port or ssh://user@host", { short: "H" }),
  "log-level": string("What the client logs: debug, info, warn, error or fatal", {
    short: "l",
    initial: "info",
    complete: ["debug", "info", "warn", "error", "fatal"],
  }),
  tls: bool("Use TLS, without a look at who answers unless there is --tlsverify too"),
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
  /** Absent: plain connections, unless a context says otherwise. */
  readonly tls: TlsRequest | undefined;
}

const LEVELS = ["debug", "info", "warn", "error", "fatal"];

/** Checks the global flags and fills in what the environment says. @throws an Error with Docker's words. */
export function readGlobals(
  { values, changed }: { values: Values<typeof GLOBAL_FLAGS>; changed: ReadonlySet<string> },
  env: Readonly<Record<string, string | undefined>>,
): GlobalFlags {
  if (values.host.length > 1) throw new Error("Specify only one -H");
  const level = values["log-level"];
  if (!LEVELS.includes(level)) throw new Error(`unable to parse logging level: ${level}`);
  const directory = values.config === "" ? configDirectory(env) : values.config;
  return {
    host: values.host[0],
    context: values.context === "" ? undefined : values.context,
    configDirectory: directory,
    debug: values.debug || level === "debug" || isSet(env["DEBUG"]),
    tls: tlsRequest(values, changed, env, certificateDirectory(env, directory)),
  };
}

/** `--tlsverify=false` means TLS too, as in Docker's client: without a check of the engine's certificate. */
function tlsRequest(
  values: Values<typeof GLOBAL_FLAGS>,
  changed: ReadonlySet<string>,
  env: Readonly<Record<string, string | undefined>>,
  directory: string,
): TlsRequest | undefined {
  const flag = (name: "tls" | "tlsverify", variable: string) =>
    changed.has(name) ? values[name] : isSet(env[variable]);
  const verify = flag("tlsverify", "DOCKER_TLS_VERIFY");
  if (!verify && !changed.has("tlsverify") && !flag("tls", "DOCKER_TLS")) return undefined;
  const path = (name: "tlscacert" | "tlscert" | "tlskey") => (changed.has(name) ? values[name] : undefined);
  return { verify, ca: path("tlscacert"), cert: path("tlscert"), key: path("tlskey"), directory };
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== "";
}
