import { expect, test } from "bun:test";
import { activatedSockets, chosenSockets, isLoopbackInProc } from "./activation.ts";

const env = { LISTEN_PID: "7", LISTEN_FDS: "3", LISTEN_FDNAMES: "berth.socket:tls:tls" };
const sockets = [
  { descriptor: 3, name: "berth.socket" },
  { descriptor: 4, name: "tls" },
  { descriptor: 5, name: "tls" },
];

test("sockets of systemd: those that are meant for this process, with their names", () => {
  expect(activatedSockets(env, 7)).toEqual(sockets);
  expect(activatedSockets(env, 8)).toEqual([]);
  expect(activatedSockets({}, 7)).toEqual([]);
  expect(activatedSockets({ LISTEN_PID: "7", LISTEN_FDS: "2" }, 7)).toEqual([
    { descriptor: 3, name: "" },
    { descriptor: 4, name: "" },
  ]);
  for (const LISTEN_FDS of ["0", "-1", "x", "1e9", "1.5", ""])
    expect(activatedSockets({ LISTEN_PID: "7", LISTEN_FDS }, 7)).toEqual([]);
});

test("fd:// is all of them, one by its number, or those of a name", () => {
  const descriptors = (address: string) => chosenSockets(address, sockets).map((each) => each.descriptor);
  expect(descriptors("fd://")).toEqual([3, 4, 5]);
  expect(descriptors("fd://*")).toEqual([3, 4, 5]);
  expect(descriptors("fd://4")).toEqual([4]);
  expect(descriptors("fd://tls")).toEqual([4, 5]);
  expect(() => descriptors("fd://6")).toThrow("too few socket activated files passed in by systemd");
  expect(() => descriptors("fd://other")).toThrow('systemd passes on no socket called "other"');
  expect(() => chosenSockets("fd://", [])).toThrow("no sockets found via socket activation");
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
