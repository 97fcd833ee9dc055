import type { Host } from "../host.ts";

export const CONFIG_FILE = "/etc/berth/daemon.json";
export const DATA_ROOT = "/var/lib/berth";
export const EXEC_ROOT = "/run/berth";

/** The engine's configuration; what cannot be read is empty here, and the engine itself says why it is wrong. */
export function engineConfig(host: Host): Readonly<Record<string, unknown>> {
  try {
    const parsed: unknown = JSON.parse(host.read(CONFIG_FILE) ?? "{}");
    return typeof parsed === "object" && parsed !== null ? (parsed as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** A path of the configuration. */
export function configuredPath(host: Host, key: "data-root" | "exec-root"): string {
  const value = engineConfig(host)[key];
  if (typeof value === "string" && value.startsWith("/")) return value;
  return key === "data-root" ? DATA_ROOT : EXEC_ROOT;
}
