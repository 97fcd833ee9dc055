import { Writable } from "node:stream";

/** A stream to write to that keeps what comes. */
export function collect() {
  const chunks = [];
  let wake = () => {};
  const stream = new Writable({
    write(chunk, _encoding, done) {
      chunks.push(chunk);
      wake();
      done();
    },
  });
  const text = () => Buffer.concat(chunks).toString();
  /** Resolves when what has come matches. */
  const until = async (pattern) => {
    while (!pattern.test(text())) {
      await new Promise((resolve) => {
        wake = resolve;
      });
    }
  };
  return Object.assign(stream, { text, until });
}

/** A stream's whole text. */
export async function textOf(stream) {
  let text = "";
  for await (const chunk of stream) text += chunk;
  return text;
}

/** Reads a stream of JSON lines to its end. @returns what they were */
export async function follow(stream, onLine = () => {}) {
  const lines = [];
  let rest = "";
  try {
    for await (const chunk of stream) {
      const parts = (rest + chunk).split("\n");
      rest = parts.pop();
      for (const part of parts.filter((one) => one.trim() !== "")) {
        lines.push(JSON.parse(part));
        onLine(lines.at(-1));
      }
    }
  } catch (error) {
    if (error.code !== "ERR_STREAM_PREMATURE_CLOSE") throw error;
  }
  return lines;
}

/** The HTTP status that a request was refused with. */
export async function statusOf(request) {
  return request.then(
    () => undefined,
    (error) => error.statusCode,
  );
}
