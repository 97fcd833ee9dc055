import type { Cli } from "../cli.ts";
import { showProgress } from "../show/progress.ts";
import { isTerminal, terminalSize } from "../terminal/tty.ts";
import { familiarName, parseReference, withDefaultTag } from "../text/reference.ts";
import { authForImage } from "./credentials.ts";

export interface PullOptions {
  readonly platform: string;
  readonly quiet: boolean;
  /** `stderr` where stdout has something to say of its own. */
  readonly to: "stdout" | "stderr";
}

/** Pulls an image through the engine and shows how it goes. */
export async function pullImage(cli: Cli, image: string, options: PullOptions): Promise<void> {
  const reference = withDefaultTag(parseReference(image));
  const auth = await authForImage(cli, image);
  const { images } = await cli.engine();
  const tag = reference.digest ?? reference.tag ?? "";
  const progress = await images.pull(
    { fromImage: familiarName(reference), tag, platform: options.platform },
    auth,
  );
  const descriptor = options.to === "stdout" ? 1 : 2;
  const write = options.to === "stdout" ? cli.output.print : cli.output.warn;
  await showProgress(progress, {
    print: options.quiet ? () => {} : write,
    isTerminal: isTerminal(descriptor),
    columns: terminalSize().columns || 80,
  });
}
