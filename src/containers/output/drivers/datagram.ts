import { createSocket, type Socket } from "node:dgram";

/** Sends messages that stay apart. */
export interface DatagramSocket {
  send(message: Uint8Array): Promise<void>;
  close(): void;
}

/** Opens a Unix datagram socket that is connected to a path, which neither Node nor Bun can. */
export type OpenDatagram = (path: string) => DatagramSocket;

/** A UDP socket. Nobody tells whether a message arrives. */
export async function openUdp(host: string, port: number): Promise<DatagramSocket> {
  const socket = createSocket({ type: host.includes(":") ? "udp6" : "udp4", reuseAddr: false });
  const { promise: connected, resolve, reject } = Promise.withResolvers<void>();
  socket.once("error", reject);
  socket.connect(port, host, () => resolve());
  try {
    await connected;
  } catch (error) {
    socket.close();
    throw new Error(`dial udp ${host}:${port}: ${(error as Error).message}`, { cause: error });
  }
  socket.removeListener("error", reject);
  // A refusal of an earlier message: it is lost, as UDP loses messages.
  socket.on("error", () => {});
  return new UdpSocket(socket);
}

class UdpSocket implements DatagramSocket {
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  send(message: Uint8Array): Promise<void> {
    return new Promise((resolve) => this.#socket.send(message, () => resolve()));
  }

  close(): void {
    this.#socket.close();
  }
}
