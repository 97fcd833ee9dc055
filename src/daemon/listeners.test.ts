import { expect, test } from "bun:test";
import { isLoopbackInProc, parseAddress } from "./listeners.ts";

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
  }
});

test("addresses of sockets that systemd has opened", () => {
  for (const address of [
    "0100007F",
    "FEFEFE7F",
    "0000000000000000FFFF00000100007F",
    `${"0".repeat(24)}01000000`,
  ])
    expect(isLoopbackInProc(address)).toBe(true);
  for (const address of [
    "00000000",
    "0100000A",
    "7F000001",
    "0".repeat(32),
    "0000000000000000FFFF00000100000A",
  ])
    expect(isLoopbackInProc(address)).toBe(false);
});
