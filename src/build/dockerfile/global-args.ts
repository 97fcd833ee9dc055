import { type ArgInstruction, type ExpandOptions, expandWord } from "../../lib/dockerfile/index.ts";
import { EngineError } from "../../lib/index.ts";
import { placedError } from "./errors.ts";
import { formatPlatform, type Platform } from "./platform.ts";

export interface GlobalArgsOptions {
  readonly buildPlatform: Platform;
  readonly targetPlatform: Platform;
  /** The name of the stage that is built. */
  readonly target: string;
  /** `--build-arg`. */
  readonly buildArgs: ReadonlyMap<string, string>;
}

/** Arguments that are there without an `ARG` in front of the first `FROM` (BuildKit's `defaultArgs`). */
export function predefinedArgs(options: GlobalArgsOptions): Map<string, string> {
  const { buildPlatform: build, targetPlatform: target, buildArgs } = options;
  const values = new Map([
    ["BUILDPLATFORM", formatPlatform(build)],
    ["BUILDOS", build.os],
    ["BUILDOSVERSION", build.osVersion],
    ["BUILDARCH", build.architecture],
    ["BUILDVARIANT", build.variant],
    ["TARGETPLATFORM", formatPlatform(target)],
    ["TARGETOS", target.os],
    ["TARGETOSVERSION", target.osVersion],
    ["TARGETARCH", target.architecture],
    ["TARGETVARIANT", target.variant],
    ["TARGETSTAGE", options.target === "" ? "default" : options.target],
  ]);
  for (const name of values.keys()) {
    const given = buildArgs.get(name);
    if (given !== undefined) values.set(name, given);
  }
  return values;
}

/**
 * The values of the arguments in front of the first `FROM`, which only `FROM` sees, and an `ARG` of the same name in a stage.
 * @throws DockerfileError
 */
export function globalArgs(
  predefined: ReadonlyMap<string, string>,
  instructions: readonly ArgInstruction[],
  buildArgs: ReadonlyMap<string, string>,
  expanding: ExpandOptions,
): Map<string, string> {
  const values = new Map(predefined);
  for (const { args, source } of instructions) {
    for (const { name, value } of args) {
      const given = buildArgs.get(name) ?? (value && expandArg(value, values, expanding, source)) ?? value;
      if (given !== undefined) values.set(name, given);
    }
  }
  return values;
}

function expandArg(
  value: string,
  values: ReadonlyMap<string, string>,
  expanding: ExpandOptions,
  source: ArgInstruction["source"],
): string {
  try {
    return expandWord(value, values, expanding).text;
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    throw placedError(source, error.message, { offset: source.argumentsOffset });
  }
}

/** Proxies are given to `RUN` without an `ARG`, and do not count for the cache (BuildKit's `proxyEnvFromBuildArgs`). */
const PROXIES = new Set(["http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy"]);

/** The build arguments that name a proxy. */
export function proxyArgs(buildArgs: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  return new Map([...buildArgs].filter(([name]) => PROXIES.has(name.toLowerCase())));
}
