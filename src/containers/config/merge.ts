import { invalidParameter } from "../../lib/index.ts";
import type { ContainerConfig, HealthConfig, ImageConfig } from "../../wire/index.ts";

/**
 * The configuration of a container from what the request says and what the image says, by Docker's rules (moby,
 * `daemon/commit.go` and `mergeAndVerifyConfig`): the request wins, sets are joined, and an entrypoint in the
 * request
 * makes the image's command void, since it was meant for another program.
 *
 * @throws InvalidParameter `no command specified`
 */
export function mergeConfig(request: ContainerConfig, image: ImageConfig): ContainerConfig {
  const merged: ContainerConfig = {
    ...request,
    User: request.User || image.User || "",
    ExposedPorts: nonEmptySet({ ...image.ExposedPorts, ...request.ExposedPorts }),
    Env: nonEmpty(mergeEnv(request.Env ?? [], image.Env ?? [])) ?? null,
    Labels: { ...image.Labels, ...request.Labels },
    WorkingDir: request.WorkingDir || image.WorkingDir || "",
    Volumes: nonEmptySet({ ...image.Volumes, ...request.Volumes }),
    StopSignal: request.StopSignal || image.StopSignal || null,
    Shell: nonEmpty(request.Shell) ?? image.Shell ?? null,
    OnBuild: request.OnBuild ?? null,
    ...mergeCommand(request, image),
    Healthcheck: mergeHealthcheck(request.Healthcheck, image.Healthcheck),
  };
  if (!merged.Entrypoint?.length && !merged.Cmd?.length) throw invalidParameter("no command specified");
  return merged;
}

/**
 * The image's variables that the request does not name come after the request's. `A` without `=` counts as
 * naming.
 */
function mergeEnv(request: readonly string[], image: readonly string[]): string[] {
  const named = new Set(request.map(variableName));
  return [...request, ...image.filter((variable) => !named.has(variableName(variable)))];
}

export function variableName(variable: string): string {
  const end = variable.indexOf("=");
  return end === -1 ? variable : variable.slice(0, end);
}

function mergeCommand(
  request: ContainerConfig,
  image: ImageConfig,
): Pick<ContainerConfig, "Entrypoint" | "Cmd" | "ArgsEscaped"> {
  let entrypoint = request.Entrypoint ?? null;
  let command = request.Cmd ?? null;
  let argsEscaped = request.ArgsEscaped ?? null;
  if (!entrypoint?.length) {
    if (!command?.length) {
      command = image.Cmd ?? null;
      argsEscaped = image.ArgsEscaped ?? argsEscaped;
    }
    entrypoint ??= image.Entrypoint ?? null;
  }
  // `--entrypoint ""` takes the image's away.
  if (entrypoint?.length === 1 && entrypoint[0] === "") entrypoint = null;
  return { Entrypoint: entrypoint, Cmd: command, ArgsEscaped: argsEscaped };
}

function mergeHealthcheck(
  request: HealthConfig | null | undefined,
  image: HealthConfig | null | undefined,
): HealthConfig | null {
  if (!request || !image) return request ?? image ?? null;
  return {
    ...request,
    Test: nonEmpty(request.Test) ?? image.Test ?? null,
    Interval: request.Interval || image.Interval || 0,
    Timeout: request.Timeout || image.Timeout || 0,
    StartPeriod: request.StartPeriod || image.StartPeriod || 0,
    StartInterval: request.StartInterval || image.StartInterval || 0,
    Retries: request.Retries || image.Retries || 0,
    ...((request.OnFailure || image.OnFailure) && { OnFailure: request.OnFailure || image.OnFailure }),
  };
}

/** Docker shows no empty sets. */
function nonEmptySet(set: Record<string, unknown>): Record<string, unknown> | null {
  return Object.keys(set).length > 0 ? set : null;
}

function nonEmpty(list: string[] | null | undefined): string[] | undefined {
  return list?.length ? list : undefined;
}
