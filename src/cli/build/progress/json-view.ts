import type { StatusMessage } from "../../../lib/buildkit/index.ts";
import type { Output } from "../../terminal/output.ts";
import type { ProgressView } from "./view.ts";

const time = (milliseconds: number | undefined) =>
  milliseconds === undefined ? undefined : new Date(milliseconds).toISOString();

/** Each message of the engine as one line of JSON, by buildx' names (`--progress=rawjson`). */
export class JsonView implements ProgressView {
  readonly #output: Output;

  constructor(output: Output) {
    this.#output = output;
  }

  show(message: StatusMessage): void {
    const line = {
      ...part(
        "vertexes",
        message.vertexes,
        ({ digest, inputs, name, started, completed, cached, error }) => ({
          digest,
          inputs: inputs.length === 0 ? undefined : inputs,
          name,
          started: time(started),
          completed: time(completed),
          cached: cached || undefined,
          error: error || undefined,
        }),
      ),
      ...part(
        "statuses",
        message.statuses,
        ({ id, vertex, name, current, total, time: at, started, completed }) => ({
          id,
          vertex,
          name: name || undefined,
          current,
          total: total || undefined,
          timestamp: time(at),
          started: time(started),
          completed: time(completed),
        }),
      ),
      ...part("logs", message.logs, ({ vertex, stream, bytes, time: at }) => ({
        vertex,
        stream,
        data: Buffer.from(bytes).toString("base64"),
        timestamp: time(at),
      })),
      ...part("warnings", message.warnings, ({ vertex, level, short, detail, url, fileName, ranges }) => ({
        vertex,
        level,
        short: Buffer.from(short).toString("base64"),
        detail: detail.map((text) => Buffer.from(text).toString("base64")),
        url: url || undefined,
        sourceInfo: fileName === "" ? undefined : { filename: fileName },
        range: ranges.map(({ start, end }) => ({ start: { line: start }, end: { line: end } })),
      })),
    };
    this.#output.warn(`${JSON.stringify(line)}\n`);
  }

  end(): void {}
}

function part<T>(name: string, items: readonly T[], toJson: (item: T) => object): Record<string, object[]> {
  return items.length === 0 ? {} : { [name]: items.map(toJson) };
}
