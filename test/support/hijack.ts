import { connect } from "node:net";

/** A connection that an engine has handed over to a container's streams. */
export interface Hijacked extends Disposable {
  readonly status: number;
  /** Lower-cased names. */
  readonly headers: ReadonlyMap<string, string>;
  /** Everything behind the head, to the end of the connection. */
  readonly rest: Promise<Buffer>;
  write(bytes: string | Uint8Array): void;
  /** The half-close. */
  end(): void;
}

/** Sends one POST that asks for the connection, as the docker client does. */
export async function hijack(socketPath: string, path: string, body: unknown): Promise<Hijacked> {
  const socket = connect({ path: socketPath, allowHalfOpen: true });
  const json = JSON.stringify(body);
  socket.write(
    `POST ${path} HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(json)}\r\n\r\n${json}`,
  );
  const head = Promise.withResolvers<string>();
  const rest = Promise.withResolvers<Buffer>();
  let received = Buffer.alloc(0);
  let bodyAt: number | undefined;
  socket.on("data", (bytes: Buffer) => {
    received = Buffer.concat([received, bytes]);
    const end = received.indexOf("\r\n\r\n");
    if (bodyAt !== undefined || end < 0) return;
    bodyAt = end + 4;
    head.resolve(received.subarray(0, end).toString());
  });
  const finish = () => {
    head.reject(new Error(`the connection ended within the head: ${received}`));
    rest.resolve(received.subarray(bodyAt ?? received.length));
  };
  socket.on("end", finish);
  socket.on("error", finish);
  const [statusLine = "", ...lines] = (await head.promise).split("\r\n");
  return {
    status: Number(statusLine.split(" ")[1]),
    headers: new Map(
      lines.map((line): [string, string] => [
        line.split(":")[0]!.toLowerCase(),
        line.slice(line.indexOf(":") + 1).trim(),
      ]),
    ),
    rest: rest.promise,
    write: (bytes) => void socket.write(bytes),
    end: () => void socket.end(),
    [Symbol.dispose]: () => void socket.destroy(),
  };
}

/** The two streams of a multiplexed one, as the API describes it: stream, three zeros, length, bytes. */
export function demultiplex(bytes: Buffer): { stdout: string; stderr: string } {
  const parts: Record<number, Buffer[]> = { 1: [], 2: [] };
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at + 4);
    parts[bytes[at]!]!.push(bytes.subarray(at + 8, at + 8 + length));
    at += 8 + length;
  }
  return { stdout: Buffer.concat(parts[1]!).toString(), stderr: Buffer.concat(parts[2]!).toString() };
}
