import { type ContextMeta, DEFAULT_CONTEXT, formatEndpoint } from "../../sdk/index.ts";
import type { Cli } from "../cli.ts";
import type { ContextStore, TlsFiles } from "./store.ts";

/** The name of the context in use, whether there is one of this name or not. */
export async function currentContext(cli: Cli): Promise<string> {
  const { context, host } = cli.globals;
  if (isSet(context)) return context;
  if (isSet(host) || hostVariable(cli) !== undefined) return DEFAULT_CONTEXT;
  const { DOCKER_CONTEXT } = cli.env;
  if (isSet(DOCKER_CONTEXT)) return DOCKER_CONTEXT;
  const { currentContext } = await cli.config();
  return isSet(currentContext) ? currentContext : DEFAULT_CONTEXT;
}

/** The variable that overrides the chosen context. */
export function hostVariable(cli: Cli): string | undefined {
  return ["BERTH_HOST", "DOCKER_HOST"].find((name) => isSet(cli.env[name]));
}

/** Whoever chooses a context wants to know that it is not the one in use. */
export function warnOfHost(cli: Cli, context: string): void {
  const name = hostVariable(cli);
  if (name === undefined) return;
  cli.note(
    `Warning: ${name} environment variable overrides the active context. To use ${context}, either set the global --context flag, or unset ${name} environment variable.`,
  );
}

/** A context and its PEM files by endpoint. */
export interface WholeContext {
  readonly meta: ContextMeta;
  readonly tls: Readonly<Record<string, TlsFiles>>;
}

/** @throws where there is none of this name. */
export async function wholeContext(cli: Cli, store: ContextStore, name: string): Promise<WholeContext> {
  if (name === DEFAULT_CONTEXT) return defaultContext(cli);
  return { meta: await store.read(name), tls: await store.readTls(name) };
}

/** What is used where no context is: it is made of the command line and the environment, and has no files. */
async function defaultContext(cli: Cli): Promise<WholeContext> {
  const { endpoint } = await cli.addressedEndpoint();
  const { verify = true, ...pems } = (endpoint.kind === "tcp" ? endpoint.tls : undefined) ?? {};
  const docker = { Host: formatEndpoint(endpoint), SkipTLSVerify: !verify };
  const files = Object.entries(pems).map(([name, text]) => [`${name}.pem`, new TextEncoder().encode(text)]);
  return {
    meta: { Name: DEFAULT_CONTEXT, Metadata: {}, Endpoints: { docker } },
    tls: files.length === 0 ? {} : { docker: Object.fromEntries(files) },
  };
}

function isSet(text: string | undefined): text is string {
  return text !== undefined && text !== "";
}
