import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runClient } from "../main.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "berth-cli-ask-"));
  mkdirSync(join(folder, "config"));
  mkdirSync(join(folder, "context"));
  writeFileSync(join(folder, "context", "Dockerfile"), "FROM scratch\n");
});
afterEach(() => rmSync(folder, { recursive: true }));

const ID = `sha256:${"ab".repeat(32)}`;

/** Builds quietly with an engine, and tells what that was asked. */
async function built(answer: (version: string, response: ServerResponse) => void) {
  const asked: string[] = [];
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const { pathname, searchParams } = new URL(request.url!, "http://engine");
    const version = searchParams.get("version") ?? "";
    asked.push(`${request.method} ${pathname.replace(/^\/v[\d.]+/, "")} ${version}`.trim());
    request.resume().on("end", () => {
      if (request.method !== "HEAD") return answer(version, response);
      response.writeHead(200, { server: "Docker/20.10 (linux)", "builder-version": "1" }).end();
    });
  });
  const socket = join(folder, "engine.sock");
  await new Promise<void>((resolve) => void server.listen(socket, resolve));
  let printed = "";
  const output = {
    print: (text: string) => {
      printed += text;
    },
    warn: (text: string) => {
      printed += text;
    },
  };
  const env = { DOCKER_HOST: `unix://${socket}`, DOCKER_CONFIG: join(folder, "config") };
  try {
    const code = await runClient(["build", "-q", join(folder, "context")], env as NodeJS.ProcessEnv, output);
    return { asked, printed, code };
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const SERVER = { server: "Berth/0.1.0 (linux)" };
const refuse = (response: ServerResponse, message: string, headers = {}) =>
  response
    .writeHead(400, { "content-type": "application/json", ...headers })
    .end(JSON.stringify({ message }));
/** The second question is that of a stream, which can not be sent again in other words. */
const IN_ITS_OWN_WORDS = ["POST /build berth", "HEAD /_ping", "HEAD /_ping", "POST /build"];
const image = { id: "moby.image.id", aux: { ID } };

test("an engine of ours is asked once", async () => {
  const result = await built((_version, response) => {
    response.writeHead(200, SERVER).end(`${JSON.stringify(image)}\r\n`);
  });
  expect(result).toEqual({ asked: ["POST /build berth"], printed: `${ID}\n`, code: 0 });
});

test("what an engine of ours refuses is not asked again", async () => {
  const result = await built((_version, response) => refuse(response, "no such stage", SERVER));
  expect(result.asked).toEqual(["POST /build berth"]);
  expect([result.printed, result.code]).toEqual([expect.stringContaining("no such stage"), 1]);
});

test("another engine refuses, and is asked in its own words", async () => {
  const result = await built((version, response) => {
    if (version === "berth") refuse(response, "invalid version berth");
    else response.writeHead(200).end(`${JSON.stringify({ stream: `${ID}\n` })}\r\n`);
  });
  expect(result.asked).toEqual(IN_ITS_OWN_WORDS);
  expect([result.printed.trim(), result.code]).toEqual([ID, 0]);
});

test("another engine that takes the words for its own is left, and asked in its own words", async () => {
  const result = await built((_version, response) => {
    response.writeHead(200).end(`${JSON.stringify({ stream: `${ID}\n` })}\r\n`);
  });
  expect(result.asked).toEqual(IN_ITS_OWN_WORDS);
  expect([result.printed.trim(), result.code]).toEqual([ID, 0]);
});
