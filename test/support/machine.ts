import { expect } from "bun:test";
import { runCommand } from "./engine.ts";

/** A machine beside the engine's host, on a wire of its own: what it reaches, any other machine would reach. */
export interface Machine {
  /** The host's address on their wire. */
  readonly host: string;
  /** The page at `address:port`, or nothing at all. */
  get(target: string): Promise<string>;
  /** Runs iproute2 there. */
  ip(...args: string[]): Promise<void>;
  /** Runs a program there, whatever comes of it. */
  run(...command: string[]): Promise<string>;
}

/** A shell command that prints a page: busybox's `wget` can't do without the C library's resolver, `nc` can. */
export function pageByNc(target: string): string {
  const [host, port] = target.split(":");
  return `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | busybox nc -w 1 ${host} ${port} | busybox tail -n 1`;
}

let machines = 0;

/** Makes such a machine for the time of the work; its default route is by the host. */
export async function withMachine(work: (machine: Machine) => Promise<void>): Promise<void> {
  const name = `bt${process.pid % 100_000}m${machines++}`;
  const net = `10.213.${process.pid % 250}`;
  const must = async (...args: string[]) =>
    void expect(await runCommand(["ip", ...args]), args.join(" ")).toMatchObject({ code: 0 });
  const run = async (...command: string[]) =>
    (await runCommand(["ip", "netns", "exec", name, ...command])).stdout.trim();
  await must("netns", "add", name);
  try {
    await must("link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name);
    await must("address", "add", `${net}.1/24`, "dev", name);
    await must("link", "set", name, "up");
    const ip = (...args: string[]) => must("-n", name, ...args);
    await ip("address", "add", `${net}.2/24`, "dev", "eth0");
    await ip("link", "set", "lo", "up");
    await ip("link", "set", "eth0", "up");
    await ip("route", "add", "default", "via", `${net}.1`);
    await work({
      host: `${net}.1`,
      get: (target) => run("busybox", "sh", "-c", pageByNc(target)),
      ip,
      run,
    });
  } finally {
    await runCommand(["ip", "link", "delete", name]);
    await runCommand(["ip", "netns", "delete", name]);
  }
}
