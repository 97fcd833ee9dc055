import { expect, test } from "bun:test";
import { addressesOf, parseAddress } from "./listeners.ts";

const plain = (text: string) => parseAddress(text, { tls: false });
const withTls = (text: string) => parseAddress(text, { tls: true });

test("addresses in dockerd's forms", () => {
  expect(plain("unix:///run/x.sock")).toEqual({ kind: "unix", path: "/run/x.sock" });
  expect(plain("tcp://127.0.0.1:1234")).toEqual({ kind: "tcp", host: "127.0.0.1", port: 1234 });
  expect(plain("tcp://[::1]:1")).toEqual({ kind: "tcp", host: "::1", port: 1 });
  expect(plain("tcp://")).toEqual({ kind: "tcp", host: "127.0.0.1", port: 2375 });
  expect(withTls("tcp://")).toEqual({ kind: "tcp", host: "127.0.0.1", port: 2376 });
  for (const text of [
    "",
    "unix://x",
    "unix:///a\0b",
    "tcp://127.0.0.1:99999",
    "tcp://a:b",
    "http://x",
    "fd",
  ]) {
    expect(() => plain(text)).toThrow("Invalid bind address format");
  }
});

test("without TLS nobody but this host is let in", () => {
  for (const text of [
    "tcp://0.0.0.0:2375",
    "tcp://10.0.0.1",
    "tcp://[::]:2375",
    "tcp://host",
    "tcp://127.0.0.1.x",
  ]) {
    expect(() => plain(text)).toThrow(`refusing to listen on ${text}`);
    expect(withTls(text)).toMatchObject({ kind: "tcp" });
    expect(parseAddress(text, { tls: false, insists: true })).toMatchObject({ kind: "tcp" });
  }
  expect(() => plain("tcp://0.0.0.0:2375")).toThrow("who insists adds --tls=false");
});

test("an address is itself; fd:// is what systemd passes on", () => {
  expect(addressesOf("unix:///x", { tls: false }, [])).toEqual([{ kind: "unix", path: "/x" }]);
  expect(() => addressesOf("fd://", { tls: false }, [])).toThrow("no sockets found via socket activation");
  // A descriptor that is none of a socket: the test's own input.
  expect(() => addressesOf("fd://", { tls: false }, [{ descriptor: 99_999, name: "" }])).toThrow(
    "descriptor 99999 of systemd is no socket",
  );
});
