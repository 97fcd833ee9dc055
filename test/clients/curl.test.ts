// curl, as Docker's own guide to the API uses it: over the socket and over TCP, with nothing between the two but HTTP.
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CommandOptions, type CommandResult, IMAGE, runCommand } from "../support/engine.ts";
import { freePort } from "../support/free-port.ts";
import { useEngine } from "../support/suite.ts";

const PORT = freePort();
const { engine, docker } = useEngine({ args: ["-H", `tcp://127.0.0.1:${PORT}`] });
const folder = mkdtempSync(join(tmpdir(), "berth-curl-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** curl with its own messages, and no progress. */
function curl(args: readonly string[], options?: CommandOptions): Promise<CommandResult> {
  return runCommand(["curl", "-sS", "--max-time", "30", "--unix-socket", engine().socket, ...args], options);
}

/** What comes back: the body, and behind it the status. */
async function ask(path: string, ...args: string[]): Promise<{ status: number; text: string }> {
  const result = await curl(["-w", "%{http_code}", ...args, `http://localhost/v1.41${path}`]);
  expect(result, path).toMatchObject({ code: 0 });
  return { status: Number(result.stdout.slice(-3)), text: result.stdout.slice(0, -3) };
}

const JSON_TYPE = ["-H", "Content-Type: application/json"];
const create = async (body: unknown, name = "") => {
  const answer = await ask(
    `/containers/create${name === "" ? "" : `?name=${name}`}`,
    "-d",
    JSON.stringify(body),
    ...JSON_TYPE,
  );
  expect(answer.status).toBe(201);
  return (JSON.parse(answer.text) as { Id: string }).Id;
};
const message = (text: string) => (JSON.parse(text) as { message: string }).message;

describe("Docker's examples", () => {
  test("create, start, wait, logs, list and remove", async () => {
    const id = await create({ Image: IMAGE, Cmd: ["sh", "-c", "echo hello world; echo oops >&2; exit 3"] });
    expect(await ask(`/containers/${id}/start`, "-X", "POST")).toEqual({ status: 204, text: "" });
    const waited = await ask(`/containers/${id}/wait`, "-X", "POST");
    expect(JSON.parse(waited.text)).toMatchObject({ StatusCode: 3 });
    const { stdout } = await curl([
      "--output",
      "-",
      `http://localhost/v1.41/containers/${id}/logs?stdout=1&stderr=1`,
    ]);
    const frames = ["\u0001\0\0\0\0\0\0\u000chello world\n", "\u0002\0\0\0\0\0\0\u0005oops\n"];
    expect([frames.join(""), frames.toReversed().join("")]).toContain(stdout);
    const filters = encodeURIComponent(JSON.stringify({ id: [id] }));
    const listed = JSON.parse((await ask(`/containers/json?all=1&filters=${filters}`)).text);
    expect(listed).toMatchObject([{ Id: id, State: "exited", Image: IMAGE }]);
    expect(await ask(`/containers/${id}`, "-X", "DELETE")).toEqual({ status: 204, text: "" });
    expect((await ask(`/containers/${id}/json`)).status).toBe(404);
  });

  test("images, with their list", async () => {
    const images = JSON.parse((await ask("/images/json")).text) as { RepoTags: string[] }[];
    expect(images.flatMap(({ RepoTags }) => RepoTags)).toContain(IMAGE);
    expect(JSON.parse((await ask(`/images/${IMAGE}/json`)).text)).toMatchObject({ Os: "linux" });
  });

  test("commit of a container that has ended", async () => {
    const id = await create({ Image: IMAGE, Cmd: ["touch", "/helloworld"] });
    await ask(`/containers/${id}/start`, "-X", "POST");
    await ask(`/containers/${id}/wait`, "-X", "POST");
    const commit = await ask(`/commit?container=${id}&repo=helloworld`, "-X", "POST");
    expect(commit.status).toBe(201);
    expect(JSON.parse(commit.text)).toEqual({ Id: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) });
    expect(await docker("run", "--rm", "helloworld", "ls", "/helloworld")).toBe("/helloworld");
  });

  test("events as a stream of lines", async () => {
    const since = Math.floor(Date.now() / 1000);
    const id = await create({ Image: IMAGE, Cmd: ["true"] });
    await ask(`/containers/${id}/start`, "-X", "POST");
    await ask(`/containers/${id}/wait`, "-X", "POST");
    const filters = encodeURIComponent(JSON.stringify({ container: [id] }));
    const until = Math.floor(Date.now() / 1000) + 1;
    const { text } = await ask(`/events?since=${since}&until=${until}&filters=${filters}`);
    const actions = text
      .trim()
      .split("\n")
      .map((line) => (JSON.parse(line) as { Action: string }).Action);
    expect(actions.filter((action) => ["create", "start", "die"].includes(action))).toEqual([
      "create",
      "start",
      "die",
    ]);
  });

  test("-N shows an endless answer as it comes", async () => {
    const url = "http://localhost/v1.41/events";
    const watching = runCommand([
      "sh",
      "-c",
      `curl -sSN --unix-socket '${engine().socket}' '${url}' | head -n 1`,
    ]);
    await Bun.sleep(200);
    const id = await create({ Image: IMAGE, Cmd: ["true"] });
    await ask(`/containers/${id}`, "-X", "DELETE");
    // Others' events may come first; that one comes at all, while the answer has no end, is the point.
    const [line] = (await watching).stdout.split("\n");
    expect(JSON.parse(line!)).toMatchObject({ Type: "container" });
  });
});

describe("streams", () => {
  test("attach by an upgrade", async () => {
    const id = await create({ Image: IMAGE, Cmd: ["sh", "-c", "echo out; echo err >&2"] });
    const headers = ["-H", "Connection: Upgrade", "-H", "Upgrade: tcp", "-X", "POST"];
    const url = `http://localhost/v1.41/containers/${id}/attach?stream=1&stdout=1&stderr=1`;
    const attached = curl(["-i", "-N", "--output", "-", ...headers, url]);
    await Bun.sleep(200);
    await ask(`/containers/${id}/start`, "-X", "POST");
    const { stdout } = await attached;
    expect(stdout).toStartWith("HTTP/1.1 101 UPGRADED\r\n");
    expect(stdout).toContain("Upgrade: tcp\r\n");
    expect(stdout).toContain("\u0001\0\0\0\0\0\0\u0004out\n");
    expect(stdout).toContain("\u0002\0\0\0\0\0\0\u0004err\n");
  });

  test("attach without one", async () => {
    const id = await create({ Image: IMAGE, Cmd: ["sh", "-c", "echo out; echo err >&2"] });
    const url = `http://localhost/v1.41/containers/${id}/attach?stream=1&stdout=1&stderr=1`;
    const attached = curl(["-i", "-N", "--output", "-", "-X", "POST", url]);
    await Bun.sleep(200);
    await ask(`/containers/${id}/start`, "-X", "POST");
    const { stdout } = await attached;
    expect(stdout).toStartWith("HTTP/1.1 200 OK\r\n");
    expect(stdout).toMatch(/Content-Type: application\/vnd\.docker\.(raw|multiplexed)-stream\r\n/i);
    expect(stdout).toContain("\u0001\0\0\0\0\0\0\u0004out\n");
    expect(stdout).toContain("\u0002\0\0\0\0\0\0\u0004err\n");
  });

  test("exec, created and started", async () => {
    const id = await create({ Image: IMAGE, Cmd: ["sleep", "600"], HostConfig: { Init: true } });
    await ask(`/containers/${id}/start`, "-X", "POST");
    const body = { AttachStdout: true, Tty: true, Cmd: ["echo", "in a terminal"] };
    const { text } = await ask(`/containers/${id}/exec`, "-d", JSON.stringify(body), ...JSON_TYPE);
    const { Id } = JSON.parse(text) as { Id: string };
    const started = await ask(`/exec/${Id}/start`, "-d", '{"Detach":false,"Tty":true}', ...JSON_TYPE);
    expect(started).toEqual({ status: 200, text: "in a terminal\r\n" });
    expect(JSON.parse((await ask(`/exec/${Id}/json`)).text)).toMatchObject({ Running: false, ExitCode: 0 });
    expect((await ask(`/containers/${id}?force=true`, "-X", "DELETE")).status).toBe(204);
  });

  test("stats once", async () => {
    const id = await create({ Image: IMAGE, Cmd: ["sleep", "600"], HostConfig: { Init: true } });
    await ask(`/containers/${id}/start`, "-X", "POST");
    const { text } = await ask(`/containers/${id}/stats?stream=false&one-shot=true`);
    expect(JSON.parse(text)).toMatchObject({ id, pids_stats: {} });
    await ask(`/containers/${id}?force=1`, "-X", "DELETE");
  });
});

describe("bodies", () => {
  const dockerfile = `FROM ${IMAGE}\nCOPY big /big\nRUN wc -c /big\n`;
  const BIG = 5_000_000;

  async function context(): Promise<string> {
    const tar = join(folder, "context.tar");
    writeFileSync(join(folder, "Dockerfile"), dockerfile);
    writeFileSync(join(folder, "big"), Buffer.alloc(BIG, "x"));
    expect(await runCommand(["tar", "-C", folder, "-cf", tar, "Dockerfile", "big"])).toMatchObject({
      code: 0,
    });
    return tar;
  }

  test("a build's context with its length, after 100 Continue", async () => {
    const tar = await context();
    const args = ["-v", "-H", "Expect: 100-continue", "-H", "Content-Type: application/x-tar"];
    const url = "http://localhost/v1.41/build?t=curl:1";
    const result = await curl([...args, "--data-binary", `@${tar}`, url]);
    expect(result.stderr).toContain("< HTTP/1.1 100 Continue");
    expect(result.stdout).toContain(`${BIG} /big`);
    expect(result.stdout).toContain("Successfully tagged curl:1");
  });

  test("a build's context in chunks, compressed, from a pipe", async () => {
    const tar = await context();
    const url = "http://localhost/v1.41/build?t=curl:2&nocache=1";
    const command = `gzip -c '${tar}' | curl -sS --unix-socket '${engine().socket}' -X POST -H 'Transfer-Encoding: chunked' -H 'Content-Type: application/x-tar' --data-binary @- '${url}'`;
    const result = await runCommand(["sh", "-c", command]);
    expect(result.stdout).toContain(`${BIG} /big`);
    expect(result.stdout).toContain("Successfully tagged curl:2");
  });

  test("an archive into a container by PUT (-T), and out of it", async () => {
    const tar = await context();
    const id = await create({ Image: IMAGE, Cmd: ["true"] });
    expect((await ask(`/containers/${id}/archive?path=/tmp`, "-T", tar)).status).toBe(200);
    const out = join(folder, "out.tar");
    await curl(["-o", out, `http://localhost/v1.41/containers/${id}/archive?path=/tmp/Dockerfile`]);
    expect((await runCommand(["tar", "-xOf", out, "Dockerfile"])).stdout).toBe(dockerfile);
    const head = await curl(["-I", `http://localhost/v1.41/containers/${id}/archive?path=/tmp/big`]);
    expect(head.stdout).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    const stat = /x-docker-container-path-stat: (\S+)/i.exec(head.stdout)?.[1];
    expect(JSON.parse(Buffer.from(stat!, "base64").toString())).toMatchObject({ name: "big", size: BIG });
  });

  test("a refused upload ends at once, though most has not come in", async () => {
    const tar = await context();
    const { status, text } = await ask("/containers/nobody/archive?path=/tmp", "-T", tar);
    expect(status).toBe(404);
    expect(message(text)).toBe("No such container: nobody");
  });
});

describe("errors", () => {
  test("404", async () => {
    const { status, text } = await ask("/containers/nobody/start", "-X", "POST");
    expect({ status, message: message(text) }).toEqual({ status: 404, message: "No such container: nobody" });
    expect(await ask("/nothing")).toEqual({ status: 404, text: '{"message":"page not found"}\n' });
  });

  test("400", async () => {
    const bad = await ask("/containers/create", "-d", "{", ...JSON_TYPE);
    expect(bad.status).toBe(400);
    expect(message(bad.text)).toMatch(/invalid JSON|unexpected EOF/);
    const type = await ask("/containers/create", "-d", "{}", "-H", "Content-Type: text/plain");
    expect(type.status).toBe(400);
    expect(message(type.text)).toContain("must be 'application/json'");
    const empty = await ask("/containers/create", "-X", "POST", ...JSON_TYPE);
    expect(empty.status).toBe(400);
    const version = await curl(["-w", "%{http_code}", "http://localhost/v1.999/info"]);
    expect(version.stdout).toMatch(
      /client version 1\.999 is too new\. Maximum supported API version is .*400$/s,
    );
    expect((await ask("/containers/json?filters=nonsense")).status).toBe(400);
    expect((await ask("/containers/json?limit=x")).status).toBe(400);
  });

  test("409", async () => {
    const id = await create({ Image: IMAGE, Cmd: ["true"] }, "curl-taken");
    const again = await ask(
      "/containers/create?name=curl-taken",
      "-d",
      JSON.stringify({ Image: IMAGE }),
      ...JSON_TYPE,
    );
    expect(again.status).toBe(409);
    expect(message(again.text)).toBe(
      `Conflict. The container name "/curl-taken" is already in use by container "${id}". You have to remove (or rename) that container to be able to reuse that name.`,
    );
    const kill = await ask(`/containers/${id}/kill`, "-X", "POST");
    expect(kill.status).toBe(409);
    expect(message(kill.text)).toContain("is not running");
  });

  test("304 has no body", async () => {
    const id = await create({ Image: IMAGE, Cmd: ["true"] });
    expect(await ask(`/containers/${id}/stop`, "-X", "POST")).toEqual({ status: 304, text: "" });
  });

  test("what is swarm's says so", async () => {
    const { status, text } = await ask("/services");
    expect(status).toBe(503);
    expect(message(text)).toBe(
      'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.',
    );
  });
});

describe("HTTP itself", () => {
  test("HTTP/1.0, with and without keep-alive", async () => {
    const plain = await curl(["-0", "-i", "http://localhost/v1.41/version"]);
    expect(plain.stdout).toMatch(/^HTTP\/1\.[01] 200 OK\r\n/);
    expect(plain.stdout).not.toMatch(/transfer-encoding: chunked/i);
    expect(JSON.parse(plain.stdout.split("\r\n\r\n")[1]!)).toMatchObject({ Os: "linux" });
    const id = await create({ Image: IMAGE, Cmd: ["seq", "1", "3"] });
    await ask(`/containers/${id}/start`, "-X", "POST");
    await ask(`/containers/${id}/wait`, "-X", "POST");
    // No chunks: the connection's end is the answer's.
    const url = `http://localhost/v1.41/containers/${id}/logs?stdout=1&follow=1`;
    const logs = await curl(["-0", "--output", "-", url]);
    expect(logs.stdout).toBe([1, 2, 3].map((line) => `\u0001\0\0\0\0\0\0\u0002${line}\n`).join(""));
    expect(
      (await curl(["-0", "-d", "{", ...JSON_TYPE, "http://localhost/v1.41/containers/create"])).stdout,
    ).toMatch(/invalid JSON|unexpected EOF/);
  });

  test("several requests on one connection", async () => {
    const urls = ["_ping", "version", "containers/json", "_ping"].map((path) => `http://localhost/${path}`);
    const result = await curl(["-v", ...urls]);
    expect(result.stderr.match(/< HTTP\/1\.1 200 OK/g)).toHaveLength(4);
    expect(result.stderr.match(/\* Re-using existing connection/g)).toHaveLength(3);
  });

  test("HEAD and its headers", async () => {
    const { stdout } = await curl(["-I", "http://localhost/_ping"]);
    expect(stdout).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    for (const header of [
      "Api-Version: 1.",
      "Docker-Experimental: false",
      "Ostype: linux",
      "Cache-Control: no-cache",
    ]) {
      expect(stdout.toLowerCase()).toContain(header.toLowerCase());
    }
  });

  test("TCP answers the same", async () => {
    const url = `http://127.0.0.1:${PORT}/v1.41/containers/json?all=1`;
    const { code, stdout } = await runCommand(["curl", "-sS", "--max-time", "30", url]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toBeArray();
    const body = JSON.stringify({ Image: "none:1" });
    const made = await runCommand([
      "curl",
      "-sS",
      "--max-time",
      "30",
      ...JSON_TYPE,
      "-d",
      body,
      `http://127.0.0.1:${PORT}/v1.41/containers/create`,
    ]);
    expect(message(made.stdout)).toBe("No such image: none:1");
  });
});
