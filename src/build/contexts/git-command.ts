import { EngineError, invalidParameter, systemError } from "../../lib/index.ts";
import { redactUrl } from "./urls.ts";

/** What git may be told to talk. `ext::` would run what an address says, `file://` read this machine. */
const PROTOCOLS = "http:https:ssh:git";
const OUTPUT_BYTES_MAX = 4 << 20;
const MESSAGE_LENGTH_MAX = 2000;

export interface GitSettings {
  /** A directory without any configuration, for `HOME`. */
  readonly home: string;
  /** Configuration for this command only, `http.….extraheader` for one: it is not seen in the list of processes. */
  readonly config?: Readonly<Record<string, string>>;
  /** The socket of an ssh agent. */
  readonly sshAuthSocket?: string | undefined;
  readonly knownHosts: string;
  /** Also `file://`: of a repository that we made ourselves. */
  readonly allowFiles?: boolean;
}

/** Settings that no repository may have a say in. */
const FIXED: Readonly<Record<string, string>> = {
  "core.hooksPath": "/dev/null",
  "core.fsmonitor": "false",
  "protocol.ext.allow": "never",
  "http.followRedirects": "initial",
  "credential.helper": "",
  "gc.auto": "0",
  "safe.directory": "*",
  "advice.detachedHead": "false",
  "init.defaultBranch": "main",
};

/**
 * Runs git with an environment of our own making: no configuration of the host's or of a user's, no hooks, no questions.
 * @returns its standard output
 * @throws System with what git said; the signal's reason
 */
export async function runGit(
  args: readonly string[],
  directory: string,
  settings: GitSettings,
  signal: AbortSignal,
): Promise<string> {
  const program = Bun.which("git", { PATH: SEARCH });
  if (program === null) {
    throw invalidParameter(
      "the context is a git repository, and the host has no git: install the package git on the engine's machine",
    );
  }
  signal.throwIfAborted();
  const child = Bun.spawn([program, ...args], {
    cwd: directory,
    env: environment(settings),
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    signal,
    killSignal: "SIGTERM",
  });
  const [output, errors, code] = await Promise.all([
    boundedText(child.stdout),
    boundedText(child.stderr),
    child.exited,
  ]);
  signal.throwIfAborted();
  if (code === 0) return output;
  throw new GitError(args[0] ?? "", cleaned(errors, settings));
}

/** What git itself refused. */
export class GitError extends EngineError {
  constructor(command: string, said: string) {
    super("System", `git ${command} failed: ${said}`);
    this.name = "GitError";
  }
}

const SEARCH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const PROXIES = ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"].flatMap((name) => [
  name,
  name.toLowerCase(),
]);

function environment({
  home,
  config = {},
  sshAuthSocket,
  knownHosts,
  allowFiles,
}: GitSettings): Record<string, string> {
  const pairs = Object.entries({
    ...FIXED,
    "protocol.file.allow": allowFiles ? "always" : "never",
    ...config,
  });
  const ssh = [
    "ssh -F /dev/null -o BatchMode=yes -o StrictHostKeyChecking=accept-new",
    `-o UserKnownHostsFile='${knownHosts}'`,
  ];
  return {
    PATH: SEARCH,
    HOME: home,
    XDG_CONFIG_HOME: home,
    LC_ALL: "C",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_TERMINAL_PROMPT: "0",
    GIT_ASKPASS: "true",
    SSH_ASKPASS: "true",
    GIT_ALLOW_PROTOCOL: allowFiles ? `${PROTOCOLS}:file` : PROTOCOLS,
    GIT_SSH_COMMAND: ssh.join(" "),
    GIT_CONFIG_COUNT: String(pairs.length),
    ...Object.fromEntries(
      pairs.flatMap(([key, value], index) => [
        [`GIT_CONFIG_KEY_${index}`, key],
        [`GIT_CONFIG_VALUE_${index}`, value],
      ]),
    ),
    ...(sshAuthSocket === undefined ? {} : { SSH_AUTH_SOCK: sshAuthSocket }),
    ...Object.fromEntries(PROXIES.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : []))),
  };
}

async function boundedText(stream: ReadableStream<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of stream) {
    if (length < OUTPUT_BYTES_MAX) chunks.push(chunk);
    length += chunk.length;
  }
  if (length > OUTPUT_BYTES_MAX) return Buffer.concat(chunks).toString().slice(0, OUTPUT_BYTES_MAX);
  return Buffer.concat(chunks).toString();
}

/** Git repeats addresses with all that is in them, and a server's answer is a server's answer. */
function cleaned(text: string, { config = {} }: GitSettings): string {
  let shown = text.replaceAll(/[a-z][a-z0-9+.-]*:\/\/[^\s'"]+/gi, (url) => redactUrl(url));
  for (const secret of Object.values(config)) {
    if (secret !== "") shown = shown.replaceAll(secret, "***");
  }
  return shown
    .replaceAll(/[\x00-\x08\x0b-\x1f\x7f]/g, "")
    .trim()
    .slice(0, MESSAGE_LENGTH_MAX);
}

/** @throws System for an answer that can not be */
export function checkCommit(text: string): string {
  if (/^[0-9a-f]{40}([0-9a-f]{24})?$/.test(text)) return text;
  throw systemError(`git gave no commit but ${JSON.stringify(text.slice(0, 100))}`);
}
