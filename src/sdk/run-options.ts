import type { ContainerCreateRequest, HostConfig, JsonMessage } from "../wire/index.ts";
import type { BuildFiles } from "./builds/options.ts";
import type { Container } from "./container.ts";

/** How a container is made: what the flags of `run` say. */
export interface CreateOptions {
  readonly name?: string | undefined;
  /** Instead of the image's command. */
  readonly command?: readonly string[] | undefined;
  /** Instead of the image's entry point. */
  readonly entrypoint?: readonly string[] | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** As `-p` takes them: `80` (a free port of the host is chosen), `"8080:80"`, `"127.0.0.1:8080:80"`, `"53/udp"`. */
  readonly ports?: readonly (number | string)[] | undefined;
  /** As `-v` takes them: `"data:/var/lib/data"`, `"/srv/www:/www:ro"`. */
  readonly volumes?: readonly string[] | undefined;
  /** Name of the network; the default one unless told. */
  readonly network?: string | undefined;
  /** Further names in that network. */
  readonly aliases?: readonly string[] | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly workingDir?: string | undefined;
  /** `name`, `uid:gid` */
  readonly user?: string | undefined;
  readonly hostname?: string | undefined;
  readonly tty?: boolean | undefined;
  /** Keep standard input open. */
  readonly stdin?: boolean | undefined;
  /** `linux/amd64` */
  readonly platform?: string | undefined;
  /** Whether the image is pulled first; `missing` unless told. */
  readonly pull?: "missing" | "always" | "never" | undefined;
  /** Everything else, in the API's words; what is said above wins. */
  readonly config?: ContainerCreateRequest | undefined;
  readonly hostConfig?: HostConfig | undefined;
  /** Do not remove the container at the end of its `await using` block. */
  readonly keep?: boolean | undefined;
  /** Told what goes on where the image is pulled. */
  readonly onPull?: ((message: JsonMessage) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface RunOptions extends CreateOptions {
  /**
   * When it counts as running: once its health check passes, once it has printed a line that matches, or whatever a function
   * waits for. Where it ends before, `run` fails.
   */
  readonly waitFor?: "healthy" | RegExp | ((container: Container) => Promise<void>) | undefined;
}

export interface ExecOptions {
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly workingDir?: string | undefined;
  readonly user?: string | undefined;
  readonly privileged?: boolean | undefined;
  /** What it reads; its standard input ends there. */
  readonly stdin?: string | Uint8Array | AsyncIterable<Uint8Array> | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What a process printed, and how it ended. */
export interface ExecResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Where a container's port is reached. */
export interface PublishedPort {
  readonly host: string;
  readonly port: number;
}

/** Files to be written, by their paths. */
export type Files = BuildFiles;
