import { writeFileSync } from "node:fs";
import { allCredentials } from "../actions/credentials.ts";
import type { Cli } from "../cli.ts";
import { showProgress } from "../show/progress.ts";
import { isTerminal, terminalSize } from "../terminal/tty.ts";
import { openContext } from "./context.ts";
import { type BuildFlags, commonQuery } from "./request.ts";

export interface ClassicFlags extends BuildFlags {
  readonly compress: boolean;
  readonly file: string;
  readonly "force-rm": boolean;
  readonly iidfile: string;
  readonly isolation: string;
  readonly quiet: boolean;
  readonly rm: boolean;
}

/** Builds in the way of engines without BuildKit: the whole context is sent, and the answer is text. */
export async function runClassic(cli: Cli, argument: string, flags: ClassicFlags): Promise<void> {
  const context = await openContext(argument, flags.file);
  const query = {
    ...commonQuery(cli, flags),
    forcerm: flags["force-rm"],
    isolation: flags.isolation,
    q: flags.quiet,
    // Absent, the engine would remove them.
    rm: flags.rm ? "1" : "0",
    dockerfile: context.dockerfile,
    remote: context.remote,
  };
  const tar = context.tar === undefined || !flags.compress ? context.tar : compressed(context.tar);
  const headers = { "Content-Type": "application/x-tar", "X-Registry-Config": await registryConfig(cli) };
  const progress = await (await cli.engine()).images.build(query, tar, headers);
  let id = "";
  let quietText = "";
  const collect = (text: string) => {
    quietText += text;
  };
  await showProgress(progress, {
    print: flags.quiet ? collect : cli.output.print,
    isTerminal: !flags.quiet && isTerminal(1),
    columns: terminalSize().columns || 80,
    onAux: (aux) => {
      id = (aux as { ID?: string }).ID ?? id;
    },
  }).catch((error: unknown) => {
    // What was held back says why.
    cli.output.warn(quietText);
    throw error;
  });
  if (flags.quiet) cli.line(id === "" ? quietText.trim() : id);
  if (flags.iidfile !== "") writeFileSync(flags.iidfile, id);
}

async function* compressed(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  const { createGzip } = await import("node:zlib");
  const { Readable } = await import("node:stream");
  yield* Readable.from(source).pipe(createGzip()) as AsyncIterable<Uint8Array>;
}

/** Everything that is stored: a Dockerfile may name any registry. */
async function registryConfig(cli: Cli): Promise<string> {
  return Buffer.from(JSON.stringify(await allCredentials(await cli.config()))).toString("base64url");
}
