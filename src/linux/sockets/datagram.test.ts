import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectDatagram } from "./datagram.ts";

/** A receiver that prints each message in brackets, until it has the word that ends it. */
const RECEIVER = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1]); print("ready", flush=True)
while True:
    m = s.recv(65536)
    if m == b"end": break
    print("[%d:%s]" % (len(m), m[:5].decode()), flush=True)
`;

test.skipIf(Bun.which("python3") === null)(
  "connectDatagram() sends each message whole, to a path of any length",
  async () => {
    const directory = mkdtempSync(join(tmpdir(), `berth-datagram-${"x".repeat(100)}-`));
    const path = join(directory, "socket");
    const receiver = Bun.spawn(["python3", "-c", RECEIVER.replace("sys.argv[1]", "'socket'"), path], {
      cwd: directory,
      stdout: "pipe",
    });
    const reader = receiver.stdout.getReader();
    expect(new TextDecoder().decode((await reader.read()).value)).toBe("ready\n");
    using socket = connectDatagram(path);
    // More than the receiver's queue holds.
    for (let index = 0; index < 300; index++) await socket.send(Buffer.from(`${index % 10}`.repeat(1000)));
    await socket.send(Buffer.from("end"));
    let text = "";
    for (let part = await reader.read(); !part.done; part = await reader.read())
      text += new TextDecoder().decode(part.value);
    expect(text.split("\n").slice(0, 3)).toEqual(["[1000:00000]", "[1000:11111]", "[1000:22222]"]);
    expect(text.trim().split("\n").length).toBe(300);
    rmSync(directory, { recursive: true });
  },
);

test("connectDatagram() says where nobody listens", () => {
  expect(() => connectDatagram("/nonexistent/socket")).toThrow("ENOENT");
});
