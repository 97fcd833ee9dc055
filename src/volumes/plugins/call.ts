import { readFileSync } from "node:fs";
import type { IncomingMessage, RequestOptions } from "node:http";
import { EngineError, messageOf } from "../../lib/index.ts";
import { type PluginAddress, showAddress } from "./address.ts";

/** The plugin answered and refused. The message is its own. */
export class PluginRefusal extends EngineError {
  constructor(message: string) {
    super("System", message);
  }
}

/** The plugin gave no answer: nobody listens, it takes too long, or what it says is no answer. */
export class PluginSilence extends EngineError {
  /** Nobody took the call: it may be made again. */
  readonly unheard: boolean;

  constructor(message: string, options: { unheard: boolean; cause?: unknown }) {
    super("System", message, { cause: options.cause });
    this.unheard = options.unheard;
  }
}

export type Answer = Readonly<Record<string, unknown>>;

const MEDIA_TYPE = "application/vnd.docker.plugins.v1.2+json";
/** Room for the list of some 10,000 volumes. */
const ANSWER_BYTES_MAX = 4 * 1024 * 1024;
const MESSAGE_LENGTH_MAX = 4096;

/**
 * One call of Docker's plugin protocol: `POST /VolumeDriver.Create` with JSON, answered with JSON. A plugin is
 * somebody else's program: it gets so much time, and so much room for its answer.
 * @throws PluginRefusal, PluginSilence
 */
export async function callPlugin(
  address: PluginAddress,
  method: string,
  body: unknown,
  timeoutMs: number,
): Promise<Answer> {
  const { status, text } = await exchange(address, method, JSON.stringify(body), timeoutMs);
  const answer = parseAnswer(text);
  if (status !== 200) {
    const reason = typeof answer?.["Err"] === "string" ? answer["Err"] : text.trim();
    throw new PluginRefusal(`${method}: ${bounded(reason || `status ${status}`)}`);
  }
  const silence = (what: string) => new PluginSilence(`${method}: ${what}`, { unheard: false });
  if (answer === undefined) throw silence("the plugin's answer is no JSON object");
  const complaint = answer["Err"];
  if (typeof complaint === "string" && complaint !== "") throw new PluginRefusal(bounded(complaint));
  return answer;
}

async function exchange(
  address: PluginAddress,
  method: string,
  body: string,
  timeoutMs: number,
): Promise<{ status: number; text: string }> {
  const signal = AbortSignal.timeout(timeoutMs);
  let heard = false;
  try {
    const { request } = await (secured(address) ? import("node:https") : import("node:http"));
    return await new Promise((resolve, reject) => {
      const call = request(
        {
          ...target(address),
          method: "POST",
          path: `/${method}`,
          agent: false,
          headers: {
            Accept: MEDIA_TYPE,
            "Content-Type": "application/json",
            "Content-Length": Buffer.byteLength(body),
            Connection: "close",
            Host: address.kind === "unix" ? "plugin" : address.host,
          },
        },
        (response) => {
          heard = true;
          readText(response).then((text) => resolve({ status: response.statusCode ?? 0, text }), reject);
        },
      );
      // Not by `signal` of the request: its end has to be told whatever state the connection is in.
      signal.addEventListener("abort", () => {
        reject(new Error(`no answer within ${timeoutMs / 1000} s`));
        call.destroy();
      });
      call.on("error", reject);
      call.end(body);
    });
  } catch (error) {
    const code = (error as { code?: unknown }).code;
    const unheard = !heard && (code === "ECONNREFUSED" || code === "ENOENT");
    const reason = unheard ? `nobody listens (${code})` : messageOf(error);
    throw new PluginSilence(`${method}: plugin at ${showAddress(address)}: ${reason}`, {
      unheard,
      cause: error,
    });
  }
}

const secured = (address: PluginAddress) => address.kind === "tcp" && address.tls !== undefined;

function target(address: PluginAddress): RequestOptions & { rejectUnauthorized?: boolean } {
  if (address.kind === "unix") return { socketPath: address.path };
  const { host, port, tls } = address;
  if (tls === undefined) return { host, port };
  const pem = (key: string, path: string | undefined) =>
    path === undefined ? {} : { [key]: readFileSync(path, "utf8") };
  return {
    host,
    port,
    rejectUnauthorized: !tls.insecureSkipVerify,
    ...pem("ca", tls.caFile),
    ...pem("cert", tls.certFile),
    ...pem("key", tls.keyFile),
  };
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > ANSWER_BYTES_MAX) {
      response.destroy();
      throw new Error(`the answer has more than ${ANSWER_BYTES_MAX} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function parseAnswer(text: string): Answer | undefined {
  try {
    const answer: unknown = JSON.parse(text);
    const isObject = typeof answer === "object" && answer !== null && !Array.isArray(answer);
    return isObject ? (answer as Answer) : undefined;
  } catch {
    return undefined;
  }
}

/** What a plugin says ends up in logs and on terminals: one line of bounded length, without control characters. */
function bounded(text: string): string {
  const line = text.replaceAll(/[\0-\x1f\x7f]+/g, " ").trim();
  return line.length > MESSAGE_LENGTH_MAX ? `${line.slice(0, MESSAGE_LENGTH_MAX)}…` : line;
}
