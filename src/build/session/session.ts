import { createHash } from "node:crypto";
import {
  decodeBytes,
  decodeCredentials,
  decodePacket,
  encodeBytes,
  encodeName,
  encodePacket,
  type FileTree,
  GrpcError,
  GrpcStatus,
  METHODS,
  sendFiles,
} from "../../lib/buildkit/index.ts";
import { EngineError, invalidParameter, notFound, systemError } from "../../lib/index.ts";
import type { FileSync } from "../builder-contract.ts";
import type { ClientServices, CredentialsSource, SshConnection } from "../ports.ts";
import type { GrpcCall, GrpcChannel } from "./grpc-channel.ts";
import { receiveFiles } from "./receive-files.ts";

/** What a client says of itself when it opens a session. */
export interface SessionFacts {
  readonly id: string;
  readonly name: string;
  readonly sharedKey: string;
  /** Paths of the calls that it answers. */
  readonly methods: ReadonlySet<string>;
}

/** BuildKit's limit of a secret. */
const SECRET_BYTES_MAX = 500 * 1024;
const PIECE_BYTES = 256 * 1024;

/** A client that answers calls while its build runs. */
export class Session implements ClientServices, FileSync {
  readonly facts: SessionFacts;
  readonly #channel: GrpcChannel;
  readonly #ended = new AbortController();

  constructor(facts: SessionFacts, channel: GrpcChannel) {
    this.facts = facts;
    this.#channel = channel;
    void channel.closed.then(() =>
      this.#ended.abort(
        new EngineError("Unavailable", `no active session for ${facts.id}: context canceled`),
      ),
    );
  }

  /** Aborts when the client has gone. */
  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  supports(method: string): boolean {
    return this.facts.methods.has(method);
  }

  // ——— FileSync ———

  sharedKey(name: string): string {
    const { sharedKey, name: sessionName } = this.facts;
    return createHash("sha256")
      .update(JSON.stringify([sharedKey || sessionName, name]))
      .digest("hex");
  }

  async sync(
    name: string,
    into: string,
    options: Parameters<FileSync["sync"]>[2],
    signal: AbortSignal,
  ): Promise<void> {
    if (!this.supports(METHODS.fileSync)) throw invalidParameter("no local sources enabled");
    const metadata = {
      "dir-name": [name],
      "include-patterns": options.include,
      "exclude-patterns": options.exclude,
      followpaths: options.follow,
    };
    try {
      await using call = this.#channel.call(METHODS.fileSync, { metadata, signal });
      await receiveFiles(call, into, options.progress);
    } catch (error) {
      signal.throwIfAborted();
      throw asEngineError(error, (message) => `failed to load context ${JSON.stringify(name)}: ${message}`);
    }
  }

  // ——— Secrets, SSH, Auth ———

  async secret(id: string): Promise<Uint8Array> {
    const missing = () => notFound(`secret ${id}: not found`);
    if (!this.supports(METHODS.secret)) throw missing();
    try {
      const secret = decodeBytes(await this.#channel.unary(METHODS.secret, encodeName(id)));
      if (secret.length > SECRET_BYTES_MAX) throw invalidParameter(`secret ${id} is larger than 500 KiB`);
      return secret;
    } catch (error) {
      if (isStatus(error, GrpcStatus.notFound, GrpcStatus.unimplemented)) throw missing();
      throw asEngineError(error, (message) => `failed to get secret ${id}: ${message}`);
    }
  }

  async sshAgent(id: string): Promise<SshConnection> {
    const name = id === "" ? "default" : id;
    const missing = () =>
      notFound(
        `could not access ssh agent ${name}: no SSH key ${JSON.stringify(name)} forwarded from the client`,
      );
    if (!this.supports(METHODS.forwardAgent)) throw missing();
    try {
      await this.#channel.unary(METHODS.checkAgent, encodeName(name));
    } catch (error) {
      if (isStatus(error, GrpcStatus.unimplemented, GrpcStatus.unknown, GrpcStatus.notFound)) throw missing();
      throw asEngineError(error, (message) => `ssh agent ${name}: ${message}`);
    }
    return sshConnection(
      this.#channel.call(METHODS.forwardAgent, { metadata: { "buildkit.ssh.id": [name] } }),
    );
  }

  readonly credentials: CredentialsSource = async (registry) => {
    if (!this.supports(METHODS.credentials)) return undefined;
    let answer: Uint8Array;
    try {
      answer = await this.#channel.unary(METHODS.credentials, encodeName(registry));
    } catch (error) {
      if (isStatus(error, GrpcStatus.unimplemented)) return undefined;
      throw asEngineError(error, (message) => `failed to get credentials for ${registry}: ${message}`);
    }
    const { username, secret } = decodeCredentials(answer);
    if (secret === "") return undefined;
    const auth = {
      serveraddress: registry,
      ...(username === "" ? { identitytoken: secret } : { username, password: secret }),
    };
    return Buffer.from(JSON.stringify(auth)).toString("base64url");
  };

  // ——— Upload ———

  /** What the client has under an address of its session: a context that it was given as a stream. */
  async *upload({ host, pathname }: URL, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
    if (!this.supports(METHODS.upload)) throw invalidParameter(`no upload from the session: ${pathname}`);
    const metadata = { urlhost: [host], urlpath: [pathname] };
    try {
      await using call = this.#channel.call(METHODS.upload, { metadata, signal });
      call.end();
      for await (const message of call.received) yield decodeBytes(message).slice();
    } catch (error) {
      signal.throwIfAborted();
      throw asEngineError(error, (message) => `failed to read the context: ${message}`);
    }
  }

  // ——— FileSend ———

  /** Sends one file of any length (`-o type=tar`, `oci`, `docker`). @param headers of the call: which output it is */
  async sendFile(
    bytes: AsyncIterable<Uint8Array>,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#send(headers, signal, async (call) => {
      for await (const chunk of bytes) {
        for (let at = 0; at < chunk.length; at += PIECE_BYTES) {
          await call.send(encodeBytes(chunk.subarray(at, at + PIECE_BYTES)));
        }
      }
      call.end();
      for await (const _ of call.received);
    });
  }

  /** Sends a tree of files into the client's directory (`-o type=local`). */
  async sendTree(
    tree: FileTree,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#send(headers, signal, async (call) => {
      await sendFiles({ received: packetsOf(call), send: (packet) => call.send(encodePacket(packet)) }, tree);
      call.end();
      for await (const _ of call.received);
    });
  }

  async #send(
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
    work: (call: GrpcCall) => Promise<void>,
  ): Promise<void> {
    if (!this.supports(METHODS.fileSend)) {
      throw invalidParameter(`method ${METHODS.fileSend} not supported by the client`);
    }
    try {
      const metadata = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]]));
      await using call = this.#channel.call(METHODS.fileSend, { metadata, signal });
      await work(call);
    } catch (error) {
      signal.throwIfAborted();
      throw asEngineError(error, (message) => `failed to copy the result to the client: ${message}`);
    }
  }

  close(): void {
    this.#channel.close();
  }
}

async function* packetsOf(call: GrpcCall) {
  for await (const message of call.received) yield decodePacket(message);
}

function sshConnection(call: GrpcCall): SshConnection {
  return {
    received: decoded(call),
    send: (bytes) => call.send(encodeBytes(bytes)),
    end: () => call.end(),
    [Symbol.asyncDispose]: () => call[Symbol.asyncDispose](),
  };
}

async function* decoded(call: GrpcCall): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const message of call.received) yield decodeBytes(message);
}

const isStatus = (error: unknown, ...statuses: number[]) =>
  error instanceof GrpcError && statuses.includes(error.status);

/** What a client answered is the client's business; what went wrong here stays what it is. */
function asEngineError(error: unknown, describe: (message: string) => string): unknown {
  if (!(error instanceof GrpcError)) return error;
  const message = describe(error.message);
  if (error.status === GrpcStatus.notFound) return notFound(message, error);
  if (error.status === GrpcStatus.unavailable || error.status === GrpcStatus.cancelled) {
    return new EngineError("Unavailable", message, { cause: error });
  }
  return systemError(message, error);
}
