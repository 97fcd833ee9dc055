import { writeFileSync } from "node:fs";
import { type BuildCall, BuildError, type BuildOptions, type BuildResult } from "../../sdk/index.ts";
import type { Cli } from "../cli.ts";
import { ExitError } from "../errors.ts";
import { BuildDisplay } from "./display.ts";
import { readInput } from "./input.ts";
import { parseOutputs } from "./outputs.ts";
import { PROGRESS_KINDS, type ProgressKind } from "./progress/view.ts";
import { type RequestFlags, requestOptions } from "./request.ts";
import { parseSecrets } from "./secrets.ts";

export interface RunFlags extends RequestFlags {
  readonly annotation: readonly string[];
  readonly builder: string;
  readonly call: string;
  readonly check: boolean;
  readonly file: string;
  readonly iidfile: string;
  readonly load: boolean;
  readonly output: readonly string[];
  readonly progress: string;
  readonly secret: readonly string[];
}

/** Ended by Ctrl-C, as a shell tells it. */
const INTERRUPTED = 130;

/**
 * Does what the flags say.
 * @param builder which of the engine's builders was insisted on
 * @returns the exit code
 */
export async function runBuild(
  cli: Cli,
  argument: string,
  flags: RunFlags,
  builder: BuildOptions["builder"],
): Promise<number> {
  refuseUnsupported(flags);
  const { call, isJson } = callOf(flags.check ? "check" : flags.call);
  const { outputs, toStdout } = parseOutputs(flags);
  const progress = progressKind(cli, flags);
  const abort = new AbortController();
  const options: BuildOptions = {
    ...requestOptions(cli, flags),
    outputs,
    builder,
    secrets: parseSecrets(flags.secret, cli.env),
    ...(await readInput(argument, flags.file)),
    config: await cli.config(),
    signal: abort.signal,
  };
  const interrupt = () => abort.abort(new ExitError(INTERRUPTED, "ERROR: context canceled"));
  process.once("SIGINT", interrupt).once("SIGTERM", interrupt);
  try {
    if (call === "check" && !isJson) return await check(cli, options);
    if (call !== "build") return await describe(cli, call, options, isJson);
    const result = await build(cli, options, progress);
    if (flags.iidfile !== "") writeFileSync(flags.iidfile, result.imageId);
    if (flags["metadata-file"] !== "") {
      writeFileSync(flags["metadata-file"], `${JSON.stringify(result.metadata, undefined, 2)}\n`);
    }
    if (flags.quiet && !toStdout && result.imageId !== "") cli.line(result.imageId);
    return 0;
  } finally {
    process.off("SIGINT", interrupt).off("SIGTERM", interrupt);
  }
}

async function check(cli: Cli, options: BuildOptions): Promise<number> {
  const { builds } = await cli.engine();
  const warnings = await builds.check(options).catch(told);
  const { checkReport } = await import("./check-report.ts");
  cli.print(checkReport(warnings));
  return warnings.length > 0 ? 1 : 0;
}

async function describe(cli: Cli, call: BuildCall, options: BuildOptions, isJson: boolean): Promise<number> {
  const { builds } = await cli.engine();
  const answer = await builds.describe(call, options).catch(told);
  const { outlineReport, targetsReport } = await import("./call-report.ts");
  if (isJson) cli.line(JSON.stringify(answer, undefined, 2));
  else cli.print(call === "outline" ? outlineReport(answer) : targetsReport(answer));
  const { warnings = [] } = answer as { warnings?: readonly unknown[] };
  return warnings.length > 0 ? 1 : 0;
}

async function build(cli: Cli, options: BuildOptions, progress: ProgressKind): Promise<BuildResult> {
  const display = new BuildDisplay(cli, options.quiet === true ? "quiet" : progress);
  const { builds } = await cli.engine();
  const building = builds.run({ ...options, onProgress: (each) => display.show(each) });
  display.prepare();
  try {
    const result = await building;
    await display.end(false);
    return result;
  } catch (error) {
    await display.end(true);
    return display.isClassic ? Promise.reject(error) : told(error);
  }
}

/** The lines of the Dockerfile, and the reason below them. */
function told(error: unknown): never {
  if (!(error instanceof BuildError)) throw error;
  const { message } = error;
  const at = message.lastIndexOf("\nfailed to solve: ") + 1;
  throw new Error(`${message.slice(0, at)}ERROR: ${message.slice(at)}`, { cause: error });
}

const CALLS = ["build", "check", "outline", "targets"] as const;

/** `outline,format=json`; `lint` is what `check` was called once. @throws for what is not known */
function callOf(text: string): { readonly call: (typeof CALLS)[number]; readonly isJson: boolean } {
  const [name = "", ...attributes] = text.split(",");
  const wanted = name === "" ? "build" : name === "lint" ? "check" : name;
  const call = CALLS.find((one) => one === wanted);
  const format = attributes.length === 0 ? "" : attributes.join(",").replace(/^format=/, "");
  if (call === undefined || !["", "text", "json"].includes(format)) {
    throw new Error(
      `invalid value for --call: ${JSON.stringify(text)}: one of ${CALLS.join(", ")}, with ,format=json for programs`,
    );
  }
  return { call, isJson: format === "json" };
}

/** What there is in other builders, and has no place here. @throws with the reason */
function refuseUnsupported({ annotation, builder }: RunFlags): void {
  if (annotation.length > 0)
    throw new Error(
      "annotations are not supported: the engine keeps an image's configuration, and --label is in it",
    );
  if (builder !== "" && builder !== "default")
    throw new Error(
      `no builder ${JSON.stringify(builder)} found: the engine is the builder, and there is no other`,
    );
}

/** @throws for what is not known */
function progressKind(cli: Cli, { progress }: RunFlags): ProgressKind {
  const wanted = progress === "" || progress === "auto" ? (cli.env["BUILDKIT_PROGRESS"] ?? "auto") : progress;
  const kind = PROGRESS_KINDS.find((one) => one === wanted);
  if (kind === undefined)
    throw new Error(`invalid progress mode ${JSON.stringify(wanted)}: one of ${PROGRESS_KINDS.join(", ")}`);
  return kind;
}
