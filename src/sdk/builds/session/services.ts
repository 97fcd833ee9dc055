import { readFile } from "node:fs/promises";
import {
  decodeBytes,
  decodeName1,
  decodePacket,
  encodeBytes,
  encodeCredentials,
  encodePacket,
  type FileTree,
  GrpcError,
  GrpcStatus,
  METHODS,
  sendFiles,
  type TreeFilter,
} from "../../../lib/buildkit/index.ts";
import { type Handler, type ServedCall, unary } from "../../../lib/grpc/index.ts";
import type { ClientConfig } from "../../client-config.ts";
import { DOCKER_HUB, findCredentials } from "../../credentials.ts";
import type { Secret } from "../secrets.ts";

/** Directories by name, each as the engine wants to see it. */
export type Directories = ReadonlyMap<string, (filter: TreeFilter) => FileTree | Promise<FileTree>>;

/** Files of ours that the engine asks for. */
export function fileSync(directories: Directories): [string, Handler] {
  return [
    METHODS.fileSync,
    async (call) => {
      const list = (name: string) => call.metadata[name] ?? [];
      const [name = ""] = list("dir-name");
      const directory = directories.get(name);
      if (directory === undefined) {
        throw new GrpcError(GrpcStatus.notFound, `no access allowed to dir ${JSON.stringify(name)}`);
      }
      const filter = {
        include: list("include-patterns"),
        exclude: list("exclude-patterns"),
        follow: list("followpaths"),
      };
      const stream = { received: packetsOf(call), send: sender(call) };
      await sendFiles(stream, await directory(filter));
    },
  ];
}

const sender = (call: ServedCall) => (packet: Parameters<typeof encodePacket>[0]) =>
  call.send(encodePacket(packet));

async function* packetsOf(call: ServedCall) {
  for await (const message of call.received) yield decodePacket(message);
}

/** BuildKit's limit. */
const SECRET_BYTES_MAX = 500 * 1024;

export function secretService(secrets: ReadonlyMap<string, Secret>): [string, Handler] {
  return [
    METHODS.secret,
    unary(async (request) => {
      const id = decodeName1(request);
      const secret = secrets.get(id);
      if (secret === undefined) throw new GrpcError(GrpcStatus.notFound, `secret ${id} not found`);
      const bytes = "value" in secret ? Buffer.from(secret.value) : await readFile(secret.path);
      if (bytes.length > SECRET_BYTES_MAX) {
        throw new GrpcError(
          GrpcStatus.invalidArgument,
          `invalid secret size ${bytes.length}, at most 500 KiB`,
        );
      }
      return encodeBytes(bytes);
    }),
  ];
}

/** What is stored for a registry; nothing where nobody has logged in. */
export function authService(config: ClientConfig): [string, Handler] {
  return [
    METHODS.credentials,
    unary(async (request) => {
      const host = decodeName1(request);
      const registry = /^(.*\.)?docker\.io$/.test(host) ? DOCKER_HUB : host;
      const auth = await findCredentials(config, registry);
      if (auth === undefined) return encodeCredentials({ username: "", secret: "" });
      const { identitytoken, username = "", password = "" } = auth;
      return encodeCredentials(
        identitytoken ? { username: "", secret: identitytoken } : { username, secret: password },
      );
    }),
  ];
}

/** The agents' sockets by the names of `--ssh`. */
export function sshService(agents: ReadonlyMap<string, string>): [string, Handler][] {
  const socketOf = (id: string) => {
    const socket = agents.get(id === "" ? "default" : id);
    if (socket === undefined) throw new GrpcError(GrpcStatus.notFound, `unset ssh forward key ${id}`);
    return socket;
  };
  return [
    [
      METHODS.checkAgent,
      unary(async (request) => {
        socketOf(decodeName1(request));
        return new Uint8Array(0);
      }),
    ],
    [
      METHODS.forwardAgent,
      (call) => forwardAgent(call, socketOf(call.metadata["buildkit.ssh.id"]?.[0] ?? "")),
    ],
  ];
}

async function forwardAgent(call: ServedCall, path: string): Promise<void> {
  const { connect } = await import("node:net");
  const agent = connect({ path, allowHalfOpen: true });
  const sending = (async () => {
    for await (const message of call.received) agent.write(decodeBytes(message));
    agent.end();
  })();
  sending.catch(() => agent.destroy());
  try {
    for await (const bytes of agent as AsyncIterable<Buffer>) await call.send(encodeBytes(bytes));
  } finally {
    agent.destroy();
  }
}

/** BuildKit's: the number of the output that is sent. */
const EXPORTER_HEADER = "buildkit-attachable-exporter-id";

/** The build's results, each as one stream of bytes. @param takes by the numbers of the outputs */
export function fileSend(
  takes: ReadonlyMap<number, (bytes: AsyncIterable<Uint8Array>) => Promise<void>>,
): [string, Handler] {
  return [
    METHODS.fileSend,
    async (call) => {
      const number = call.metadata[EXPORTER_HEADER]?.[0];
      const take = number === undefined ? [...takes.values()][0] : takes.get(Number(number));
      if (take === undefined)
        throw new GrpcError(GrpcStatus.notFound, `there is no output ${JSON.stringify(number)}`);
      await take(contents(call));
    },
  ];
}

async function* contents(call: ServedCall): AsyncGenerator<Uint8Array, void> {
  for await (const message of call.received) yield decodeBytes(message);
}
