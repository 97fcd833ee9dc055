import type { ContainerConfig, ImageConfig } from "../wire/index.ts";

/** Fills in what a configuration leaves open from another one, as Docker does when it commits. */
export function mergeImageConfig(config: ContainerConfig, from: ContainerConfig): ContainerConfig {
  const merged: ContainerConfig = { ...config };
  merged.User = config.User || from.User || "";
  merged.WorkingDir = config.WorkingDir || from.WorkingDir || "";
  merged.StopSignal ||= from.StopSignal ?? null;
  merged.ExposedPorts = mergeMaps(from.ExposedPorts, config.ExposedPorts);
  merged.Volumes = mergeMaps(from.Volumes, config.Volumes);
  merged.Labels = mergeMaps(from.Labels, config.Labels);
  merged.Env = mergeEnv(config.Env ?? [], from.Env ?? []);
  if ((config.Entrypoint ?? []).length === 0) {
    if ((config.Cmd ?? []).length === 0) merged.Cmd = from.Cmd ?? null;
    if (config.Entrypoint === undefined || config.Entrypoint === null)
      merged.Entrypoint = from.Entrypoint ?? null;
  }
  merged.Healthcheck = config.Healthcheck ?? from.Healthcheck ?? null;
  return merged;
}

function mergeMaps<V>(
  below: Readonly<Record<string, V>> | null | undefined,
  above: Readonly<Record<string, V>> | null | undefined,
): Record<string, V> | null {
  if (!below && !above) return null;
  return { ...below, ...above };
}

/** Variables keep their first setting. */
function mergeEnv(env: readonly string[], from: readonly string[]): string[] | null {
  const names = new Set(env.map(nameOf));
  const merged = [...env, ...from.filter((setting) => !names.has(nameOf(setting)))];
  return merged.length > 0 ? merged : null;
}

const nameOf = (setting: string) => setting.split("=", 1)[0]!;

const FIELDS: readonly (keyof ImageConfig)[] = [
  "User",
  "ExposedPorts",
  "Env",
  "Cmd",
  "Healthcheck",
  "ArgsEscaped",
  "Volumes",
  "WorkingDir",
  "Entrypoint",
  "OnBuild",
  "Labels",
  "StopSignal",
  "Shell",
];

/** What of a container's configuration an image may say: its host name, terminal and so on stay behind. */
export function onlyImageFields(config: ContainerConfig): ImageConfig {
  const entries = FIELDS.map((field) => [field, config[field]] as const);
  const said = entries.filter(([, value]) => value !== undefined && value !== null && value !== "");
  return Object.fromEntries(said) as ImageConfig;
}
