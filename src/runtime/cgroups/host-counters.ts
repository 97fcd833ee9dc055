import { join } from "node:path";
import type { InterfaceCounters } from "../contract.ts";
import { parseNumber, readText } from "./files.ts";

/** USER_HZ is 100 on every architecture that the kernel has for user space. */
export const NS_PER_TICK = 1e7;

/** What all CPUs of the host have spent, in nanoseconds, and how many are on. */
export function hostCpu(proc = "/proc"): { usageNs: number; online: number } {
  const lines = (readText(join(proc, "stat")) ?? "").split("\n");
  const [, ...ticks] = (lines.find((line) => line.startsWith("cpu ")) ?? "").split(/\s+/);
  // user, nice, system, idle, iowait, irq, softirq: as Docker adds them up; guests are in user already.
  const usageNs = ticks.slice(0, 7).reduce((sum, each) => sum + Number(each), 0) * NS_PER_TICK;
  return { usageNs, online: lines.filter((line) => /^cpu\d/.test(line)).length };
}

/** The host's memory in bytes. */
export function hostMemoryBytes(proc = "/proc"): number {
  const [, kibibytes] = /^MemTotal:\s+(\d+) kB/m.exec(readText(join(proc, "meminfo")) ?? "") ?? [];
  return (parseNumber(kibibytes) ?? 0) * 1024;
}

/** Counters of the network interfaces that a process sees, loopback left out; none when it is gone. */
export function networkCounters(pid: number, proc = "/proc"): Record<string, InterfaceCounters> {
  const counters: Record<string, InterfaceCounters> = {};
  const [, , ...lines] = (readText(join(proc, String(pid), "net/dev")) ?? "").split("\n");
  for (const line of lines) {
    const colon = line.lastIndexOf(":");
    const name = line.slice(0, colon).trim();
    if (colon < 0 || name === "lo") continue;
    const n = line
      .slice(colon + 1)
      .trim()
      .split(/\s+/)
      .map(Number);
    counters[name] = {
      rx_bytes: n[0] ?? 0,
      rx_packets: n[1] ?? 0,
      rx_errors: n[2] ?? 0,
      rx_dropped: n[3] ?? 0,
      tx_bytes: n[8] ?? 0,
      tx_packets: n[9] ?? 0,
      tx_errors: n[10] ?? 0,
      tx_dropped: n[11] ?? 0,
    };
  }
  return counters;
}
