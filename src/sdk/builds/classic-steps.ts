import type { StatusLog, StatusMessage, StatusVertex } from "../../lib/buildkit/index.ts";
import type { JsonMessage } from "../../wire/index.ts";

const NOTHING: StatusMessage = { vertexes: [], statuses: [], logs: [], warnings: [] };

/**
 * Makes of the classic builder's text, Docker's (`Step 1/2 : …`) or Podman's (`STEP 1/2: …`), what BuildKit tells: steps that
 * begin, print and end.
 */
export class ClassicSteps {
  #step: StatusVertex | undefined;
  #count = 0;

  take({ stream = "", status }: JsonMessage, failure: string | undefined): StatusMessage {
    const now = Date.now();
    if (failure) return { ...NOTHING, vertexes: this.#end(now, failure) };
    const [, number, total, name] = /^Step (\d+)\/(\d+) ?: (.*?)\n?$/is.exec(stream) ?? [];
    if (name !== undefined) {
      const before = this.#end(now);
      return { ...NOTHING, vertexes: [...before, this.#begin(`[${number}/${total}] ${name}`, now)] };
    }
    if (/^Successfully built /.test(stream)) return { ...NOTHING, vertexes: this.#end(now) };
    if (stream === " ---> Using cache\n" && this.#step !== undefined) {
      this.#step = { ...this.#step, cached: true };
      return { ...NOTHING, vertexes: [this.#step] };
    }
    const text = stream || (status === undefined ? "" : `${status}\n`);
    // The end of the line that names a step comes apart from it.
    return text === "" || text === "\n" ? NOTHING : this.#print(text, now);
  }

  #begin(name: string, started: number): StatusVertex {
    const digest = `step-${++this.#count}`;
    this.#step = { digest, inputs: [], name, cached: false, started, completed: undefined, error: "" };
    return this.#step;
  }

  #end(completed: number, error = ""): StatusVertex[] {
    const step = this.#step;
    this.#step = undefined;
    return step === undefined ? [] : [{ ...step, completed, error }];
  }

  #print(text: string, time: number): StatusMessage {
    const begun = this.#step === undefined ? [this.#begin("preparing", time)] : [];
    const log: StatusLog = {
      vertex: this.#step!.digest,
      time,
      stream: 1,
      bytes: new TextEncoder().encode(text),
    };
    return { ...NOTHING, vertexes: begun, logs: [log] };
  }
}
