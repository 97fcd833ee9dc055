import { type OutputChunk, STDERR } from "../../lib/index.ts";
import type { Engine, LogsOptions } from "../../sdk/index.ts";
import type { Cli } from "../cli.ts";
import { colours } from "../compose/colours.ts";
import { plainWriter } from "../compose/output/line-writer.ts";
import { LineSplitter } from "../compose/output/lines.ts";
import { LogPrinter } from "../compose/output/log-printer.ts";
import { Prefixes } from "../compose/output/prefixes.ts";
import { isTerminal } from "../terminal/tty.ts";

/**
 * Prints what several containers have printed, each line behind its container's name: in the order in which it was printed,
 * whichever it was. Followed, lines come as they are printed.
 * @throws where one of them is not there; nothing is printed then
 */
export async function printLogs(
  cli: Cli,
  engine: Engine,
  names: readonly string[],
  options: LogsOptions,
): Promise<void> {
  const different = [...new Set(names)];
  const isMerged = options.follow !== true;
  const asked = isMerged ? { ...options, timestamps: true } : options;
  const outputs = await Promise.all(different.map((name) => engine.containers.logs(name, asked)));
  const writer = plainWriter();
  const printer = new LogPrinter({ prefixes: prefixes(cli), writer, split: true });
  printer.register(different);
  if (isMerged) {
    const showTimes = options.timestamps === true;
    for await (const { index, descriptor, time, text } of merged(outputs.map(linesOf))) {
      const line = showTimes ? Buffer.concat([Buffer.from(time), text]) : text;
      await printer.lines(different[index]!, descriptor, [line]);
    }
  } else await Promise.all(different.map((name, index) => printer.print(name, outputs[index]!)));
  await writer.flush();
}

function prefixes({ env }: Cli): Prefixes {
  const of = (descriptor: 1 | 2) =>
    isTerminal(descriptor) && (env["NO_COLOR"] ?? "") === "" ? colours.ansi : colours.none;
  return new Prefixes({ isShown: true, colours: { 1: of(1), 2: of(2) } });
}

/** A line with the time that the engine has put before it. */
export interface TimedLine {
  readonly descriptor: 1 | 2;
  /** `2026-05-01T12:00:00.000000000Z `, with its blank; as long for every line, so that texts compare as times do. */
  readonly time: string;
  readonly text: Uint8Array;
}

/** Cuts a container's output into its lines. */
export async function* linesOf(output: AsyncIterable<OutputChunk>): AsyncGenerator<TimedLine> {
  const splitters = { 1: new LineSplitter(), 2: new LineSplitter() };
  for await (const { stream, bytes } of output) {
    const descriptor = stream === STDERR ? 2 : 1;
    for (const line of splitters[descriptor].push(bytes)) yield timed(descriptor, line);
  }
  for (const descriptor of [1, 2] as const)
    for (const line of splitters[descriptor].end()) yield timed(descriptor, line);
}

const BLANK = 0x20;

function timed(descriptor: 1 | 2, line: Uint8Array): TimedLine {
  const end = line.indexOf(BLANK) + 1;
  return { descriptor, time: Buffer.from(line.subarray(0, end)).toString(), text: line.subarray(end) };
}

/** Joins streams that are in order by themselves; of one time, the first stream's comes first. */
export async function* merged(
  streams: readonly AsyncGenerator<TimedLine>[],
): AsyncGenerator<TimedLine & { readonly index: number }> {
  const heads = await Promise.all(
    streams.map(async (stream) => (await stream.next()).value as TimedLine | undefined),
  );
  for (;;) {
    let first: number | undefined;
    for (const [index, head] of heads.entries())
      if (head !== undefined && (first === undefined || head.time < heads[first]!.time)) first = index;
    if (first === undefined) return;
    yield { ...heads[first]!, index: first };
    heads[first] = (await streams[first]!.next()).value as TimedLine | undefined;
  }
}
