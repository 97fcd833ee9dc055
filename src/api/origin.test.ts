import { describe, expect, test } from "bun:test";
import type { IncomingMessage } from "node:http";
import { hostname } from "node:os";
import { checkOrigin } from "./origin.ts";

type Socket = { remoteAddress?: string; encrypted?: boolean };

const TCP: Socket = { remoteAddress: "127.0.0.1" };

function isLetIn(headers: Record<string, string>, socket: Socket = TCP, isNetwork = false): boolean {
  try {
    checkOrigin({ headers, socket } as unknown as IncomingMessage, isNetwork);
    return true;
  } catch (error) {
    expect((error as Error).message).toStartWith("refused: ");
    return false;
  }
}

describe("the name that a client calls the engine by", () => {
  test("an address, localhost, a name of the local network, and this machine's own", () => {
    for (const host of [
      "127.0.0.1:2375",
      "[::1]:2375",
      "10.0.0.7",
      "localhost",
      "LOCALHOST:2375",
      "docker",
      "dind:2375",
      "x.localhost",
      "",
      `${hostname()}:2375`,
    ])
      expect(isLetIn({ host }), host).toBe(true);
    expect(isLetIn({})).toBe(true);
  });

  test("any other may be a stranger's that leads here", () => {
    for (const host of [
      "evil.example",
      "evil.example:2375",
      "127.0.0.1.evil.example",
      "localhost.evil.example",
      "2130706433",
      "0x7f.1",
      "127.1",
      "a@127.0.0.1",
      "127.0.0.1, evil.example",
    ])
      expect(isLetIn({ host }), host).toBe(false);
  });

  test("with TLS it is the certificate's affair, and on a Unix socket nobody's", () => {
    expect(isLetIn({ host: "evil.example" }, { ...TCP, encrypted: true })).toBe(true);
    expect(isLetIn({ host: "evil.example", origin: "http://evil.example" }, {})).toBe(true);
    // Unless it is the inner side of a door.
    expect(isLetIn({ host: "evil.example" }, {}, true)).toBe(false);
  });
});

describe("web pages", () => {
  const host = "127.0.0.1:2375";

  test("a foreign page is refused: by its origin, by where it is, by what the browser says of both", () => {
    for (const origin of [
      "http://evil.example",
      "null",
      "http://203.0.113.6",
      "http://localhost",
      "http://127.0.0.1:3000",
      "file://",
      "",
    ])
      expect(isLetIn({ host, origin }), origin).toBe(false);
    expect(isLetIn({ host, referer: "http://evil.example/page" })).toBe(false);
    for (const site of ["cross-site", "same-site"])
      expect(isLetIn({ host, "sec-fetch-site": site }), site).toBe(false);
    expect(isLetIn({ host, origin: "http://evil.example" }, { ...TCP, encrypted: true })).toBe(false);
  });

  test("one of the engine's own is not", () => {
    expect(isLetIn({ host, origin: "http://127.0.0.1:2375", "sec-fetch-site": "same-origin" })).toBe(true);
    expect(isLetIn({ host, referer: "http://127.0.0.1:2375/page", "sec-fetch-site": "none" })).toBe(true);
  });
});
