import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { createConnection, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { statDescriptor } from "../files/file-stat.ts";
import { acceptedPeer } from "../sockets/peer-credentials.ts";
import { unixPeer } from "./unix-diag.ts";

const descriptorOf = (socket: Socket) => (socket as unknown as { _handle: { fd: number } })._handle.fd;

test("the two ends of a connection know each other, and who made it", async () => {
  const directory = mkdtempSync(join(tmpdir(), "berth-diag-"));
  const path = join(directory, "socket");
  const accepted = Promise.withResolvers<Socket>();
  const server = createServer((socket) => accepted.resolve(socket));
  try {
    await new Promise<void>((resolve) => server.listen(path, resolve));
    const client = createConnection(path);
    const [here, there] = [descriptorOf(await accepted.promise), descriptorOf(client)];
    expect(unixPeer(statDescriptor(here).ino)).toBe(statDescriptor(there).ino);
    expect(unixPeer(statDescriptor(there).ino)).toBe(statDescriptor(here).ino);
    expect(acceptedPeer(here)).toEqual({
      path,
      pid: process.pid,
      uid: process.getuid!(),
      gid: process.getgid!(),
    });
    expect(acceptedPeer(there)).toBeUndefined();
    expect(acceptedPeer(0)).toBeUndefined();
    expect(unixPeer(1n)).toBeUndefined();
    client.destroy();
  } finally {
    server.close();
    rmSync(directory, { recursive: true });
  }
});
