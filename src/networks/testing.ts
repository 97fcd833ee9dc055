/** For tests of this room: a host of its own, a neighbour on its LAN, and programs in namespaces. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { EngineEvent } from "../lib/index.ts";
import { createNetworkNamespace, type NetworkNamespace } from "../linux/index.ts";
import { Database } from "../store/index.ts";
import type { NetworksConfig } from "./config.ts";
import { NetworkHost } from "./host.ts";
import { Networks } from "./networks.ts";
import type { AttachRequest } from "./sandbox.ts";

/** A machine with one Ethernet interface, `lan0`, and somebody at the other end who may send it anything. */
export class TestLan implements Disposable {
  readonly host = createNetworkNamespace();
  readonly neighbour = createNetworkNamespace();
  readonly directory = mkdtempSync(join(tmpdir(), "berth-networks-"));

  constructor() {
    // A new namespace begins with the machine's own settings, which are whatever its other programs need.
    using host = new NetworkHost(this.host);
    host.setSysctl("ipv4/ip_forward", "0");
    this.host.routes.createVeth({ name: "lan0", peerName: "eth0", peerNamespace: this.neighbour });
    this.host.routes.addAddress("lan0", "10.9.0.1/24");
    this.host.routes.addAddress("lan0", "fd09::1/64", { noDad: true });
    this.neighbour.routes.configure("eth0", {
      addresses: ["10.9.0.2/24", "fd09::2/64"],
      routes: [{ gateway: "10.9.0.1" }, { gateway: "fd09::1" }],
    });
    // Looking at a link makes the kernel notice at once that it carries.
    this.host.routes.link("lan0");
  }

  [Symbol.dispose](): void {
    this.host.close();
    this.neighbour.close();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

export interface TestEngine extends AsyncDisposable {
  readonly networks: Networks;
  readonly database: Database;
  readonly events: EngineEvent[];
}

/** A daemon's networks on that host. Disposing of it is the daemon's orderly end. */
export function openEngine(
  lan: TestLan,
  options: { name?: string; config?: NetworksConfig; database?: Database } = {},
): TestEngine {
  const database = options.database ?? Database.open(":memory:");
  const events: EngineEvent[] = [];
  const networks = new Networks({
    database,
    emit: (event) => events.push(event),
    instance: { name: options.name ?? "berth" },
    hostNamespace: lan.host,
    lockPath: join(lan.directory, "lock"),
    ...(options.config === undefined ? {} : { config: options.config }),
  });
  return { networks, database, events, [Symbol.asyncDispose]: () => networks.close() };
}

export function request(name: string, more: Partial<AttachRequest> = {}): AttachRequest {
  return {
    containerId: Buffer.from(name).toString("hex").padEnd(64, "0").slice(0, 64),
    name,
    hostname: name,
    networkMode: "default",
    networking: {},
    exposedPorts: [],
    portBindings: {},
    publishAllPorts: false,
    links: [],
    extraHosts: [],
    dns: [],
    dnsOptions: [],
    dnsSearch: [],
    ...more,
  };
}

/** `{ "80/tcp": [{HostIp, HostPort}] }` from `127.0.0.1:8080:80/tcp` and the like. */
export function publish(...texts: string[]): Pick<AttachRequest, "portBindings" | "exposedPorts"> {
  const portBindings: Record<string, { HostIp: string; HostPort: string }[]> = {};
  for (const text of texts) {
    const [, HostIp = "", HostPort = "", container = ""] = /^(?:(\S*):)?(\d*):(\d+\/\w+)$/.exec(text)!;
    const bindings = portBindings[container] ?? [];
    portBindings[container] = [...bindings, { HostIp: HostIp.replace(/^\[(.*)\]$/, "$1"), HostPort }];
  }
  return { portBindings, exposedPorts: Object.keys(portBindings) };
}

/** A TCP server in a namespace that says its name and who it talks to, then hangs up. */
export function serve(
  namespace: NetworkNamespace,
  port: number,
  name: string,
  hostname = "0.0.0.0",
): Disposable {
  const host = new NetworkHost(namespace);
  const listener = host.run(() =>
    Bun.listen({
      hostname,
      port,
      socket: {
        open: (socket) => void socket.end(`${name} ${socket.remoteAddress}`),
        data() {},
      },
    }),
  );
  return {
    [Symbol.dispose]() {
      listener.stop(true);
      host.close();
    },
  };
}

/** Long enough for an answer on this machine, short enough for a test that waits for none. */
const ANSWER_MS = 500;
/** A neighbour that was asked for in vain is asked for again after a second (`retrans_time_ms`). */
const SECOND_ANSWER_MS = 1500;

/**
 * What a server says to somebody in that namespace: its words, `refused`, or `silence`. A first packet may get lost, as while
 * neighbours find each other; TCP repeats it after a second, we at once.
 */
export async function probe(namespace: NetworkNamespace, hostname: string, port: number): Promise<string> {
  const answer = await probeOnce(namespace, hostname, port, ANSWER_MS);
  return answer === "silence" ? probeOnce(namespace, hostname, port, SECOND_ANSWER_MS) : answer;
}

async function probeOnce(
  namespace: NetworkNamespace,
  hostname: string,
  port: number,
  patienceMs: number,
): Promise<string> {
  using host = new NetworkHost(namespace);
  const answer = Promise.withResolvers<string>();
  let heard = "";
  let open: { terminate(): void } | undefined;
  host
    .start(() =>
      Bun.connect({
        hostname,
        port,
        socket: {
          open(socket) {
            open = socket;
          },
          data(_socket, bytes) {
            heard += bytes.toString();
          },
          close: () => answer.resolve(heard === "" ? "hung up" : heard),
          connectError: (_socket, error) => answer.resolve(reasonOf(error)),
        },
      }),
    )
    .catch((error: unknown) => answer.resolve(reasonOf(error)));
  const timer = setTimeout(() => answer.resolve("silence"), patienceMs);
  const result = await answer.promise;
  clearTimeout(timer);
  open?.terminate();
  return result;
}

function reasonOf(error: unknown): string {
  const code = String((error as { code?: unknown }).code);
  return code === "ECONNREFUSED" ? "refused" : code;
}

/** A UDP server in a namespace that answers with its name and who it talks to. */
export async function serveUdp(
  namespace: NetworkNamespace,
  port: number,
  name: string,
  hostname = "0.0.0.0",
): Promise<Disposable> {
  using host = new NetworkHost(namespace);
  const socket = await host.start(() =>
    Bun.udpSocket({
      hostname,
      port,
      socket: { data: (self, _bytes, from, address) => void self.send(`${name} ${address}`, from, address) },
    }),
  );
  return { [Symbol.dispose]: () => socket.close() };
}

/** What a UDP server answers to somebody in that namespace, and from which address; or `silence`. */
export async function probeUdp(namespace: NetworkNamespace, hostname: string, port: number): Promise<string> {
  using host = new NetworkHost(namespace);
  const answer = Promise.withResolvers<string>();
  const socket = await host.start(() =>
    Bun.udpSocket({
      hostname: hostname.includes(":") ? "::" : "0.0.0.0",
      socket: {
        data: (_self, bytes, _port, address) => answer.resolve(`${bytes.toString()} from ${address}`),
        error: () => answer.resolve("refused"),
      },
    }),
  );
  socket.send("?", port, hostname);
  const timer = setTimeout(() => answer.resolve("silence"), ANSWER_MS);
  const result = await answer.promise;
  clearTimeout(timer);
  socket.close();
  return result;
}

/** A UDP client that keeps its port, and what it is answered. */
export async function sendUdp(namespace: NetworkNamespace, hostname: string, port: number) {
  using host = new NetworkHost(namespace);
  let answer = Promise.withResolvers<string>();
  const socket = await host.start(() =>
    Bun.udpSocket({
      hostname: hostname.includes(":") ? "::" : "0.0.0.0",
      socket: { data: (_self, bytes) => answer.resolve(bytes.toString()), error() {} },
    }),
  );
  return {
    async ask(question: string): Promise<string> {
      answer = Promise.withResolvers<string>();
      const timer = setTimeout(() => answer.resolve("silence"), ANSWER_MS);
      socket.send(question, port, hostname);
      const result = await answer.promise;
      clearTimeout(timer);
      return result;
    },
    async [Symbol.asyncDispose]() {
      socket.close();
    },
  };
}

/** A TCP server that says back what it hears. */
export function echo(namespace: NetworkNamespace, port: number): Disposable {
  using host = new NetworkHost(namespace);
  const listener = host.run(() =>
    Bun.listen({ hostname: "0.0.0.0", port, socket: { data: (socket, bytes) => void socket.write(bytes) } }),
  );
  return { [Symbol.dispose]: () => void listener.stop(true) };
}

/** A TCP connection that is kept. */
export async function talk(namespace: NetworkNamespace, hostname: string, port: number) {
  using host = new NetworkHost(namespace);
  let heard = Promise.withResolvers<string>();
  const socket = await host.start(() =>
    Bun.connect({
      hostname,
      port,
      socket: {
        data: (_socket, bytes) => heard.resolve(bytes.toString()),
        close: () => heard.resolve("closed"),
      },
    }),
  );
  return {
    async say(word: string): Promise<string> {
      heard = Promise.withResolvers<string>();
      socket.write(word);
      return await heard.promise;
    },
    async [Symbol.asyncDispose]() {
      socket.terminate();
    },
  };
}
