import { readFileSync } from "node:fs";

/** All capabilities of linux/capability.h in the order of their numbers, from CAP_CHOWN (0) to CAP_CHECKPOINT_RESTORE (40). */
export const CAPABILITIES: readonly string[] = Object.freeze(
  `CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE
   NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN
   SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE
   MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE`
    .split(/\s+/)
    .map((name) => `CAP_${name}`),
);

/**
 * The capabilities that this process may still give to a child: its bounding set. A runtime that is asked for more
 * fails, so `--privileged` means these.
 */
export function ownCapabilities(): Set<string> {
  const status = readFileSync("/proc/thread-self/status", "utf8");
  return parseCapabilitySet(/^CapBnd:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0");
}

/** The capabilities of a set as /proc/<pid>/status writes it: one bit each, in hexadecimal. Unnamed bits are left out. */
export function parseCapabilitySet(hex: string): Set<string> {
  const bits = BigInt(`0x${hex}`);
  return new Set(CAPABILITIES.filter((_, number) => (bits & (1n << BigInt(number))) !== 0n));
}
