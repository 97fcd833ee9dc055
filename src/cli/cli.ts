import {
  type ClientConfig,
  discoverEndpoint,
  type Engine,
  type FoundEndpoint,
  loadClientConfig,
} from "../sdk/index.ts";
import type { GlobalFlags } from "./globals.ts";
import type { Output } from "./terminal/output.ts";

/** More than these nobody needs hints for. */
const COMPLAINTS_MAX = 5;

/** What every command works with: where to print, how the client is configured, and the engine. */
export class Cli {
  readonly output: Output;
  readonly globals: GlobalFlags;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What went wrong with some of several things, as it was told. */
  readonly complaints: string[] = [];
  #config: Promise<ClientConfig> | undefined;
  #endpoint: Promise<FoundEndpoint> | undefined;
  #engine: Promise<Engine> | undefined;
  #connect: (cli: Cli) => Promise<Engine>;

  constructor(options: {
    output: Output;
    globals: GlobalFlags;
    env: Readonly<Record<string, string | undefined>>;
    connect: (cli: Cli) => Promise<Engine>;
  }) {
    this.output = options.output;
    this.globals = options.globals;
    this.env = options.env;
    this.#connect = options.connect;
  }

  /** Prints a text to stdout, exactly. */
  print(text: string): void {
    this.output.print(text);
  }

  /** Prints a line to stdout. */
  line(text: string): void {
    this.output.print(`${text}\n`);
  }

  /** Prints a line to stderr: progress, warnings, errors. */
  note(text: string): void {
    if (text.startsWith("Error") && this.complaints.length < COMPLAINTS_MAX) this.complaints.push(text);
    this.output.warn(`${text}\n`);
  }

  /** A line to stderr that only `--debug` shows. */
  debug(text: string): void {
    if (this.globals.debug) this.output.warn(`debug: ${text}\n`);
  }

  /** The folder of the client's configuration. */
  get configDirectory(): string {
    return this.globals.configDirectory;
  }

  /** `config.json`, read once. One that cannot be read is told and passed over, as in Docker's client. */
  config(): Promise<ClientConfig> {
    this.#config ??= loadClientConfig(this.configDirectory).catch((error: Error) => {
      this.note(`WARNING: ${error.message}`);
      return {};
    });
    return this.#config;
  }

  /** Where the engine is, by the command line, the environment and the configuration. */
  endpoint(): Promise<FoundEndpoint> {
    const { host, context, tls, configDirectory } = this.globals;
    const search = {
      ...{ host, context, tls, configDirectory },
      env: this.env,
      loadConfig: () => this.config(),
    };
    this.#endpoint ??= discoverEndpoint(search, (line) => this.debug(line));
    return this.#endpoint;
  }

  /** Where the engine would be if no context were chosen: what the context `default` stands for. */
  addressedEndpoint(): Promise<FoundEndpoint> {
    const { host, tls, configDirectory } = this.globals;
    const { DOCKER_CONTEXT: _, ...env } = this.env;
    return discoverEndpoint({ host, tls, configDirectory, env, loadConfig: async () => ({}) });
  }

  /** The engine to talk to; started where none runs and this process may. */
  engine(): Promise<Engine> {
    this.#engine ??= this.#connect(this);
    return this.#engine;
  }
}
