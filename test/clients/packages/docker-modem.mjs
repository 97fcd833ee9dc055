// docker-modem itself: promises by its users, callbacks, streams both ways, big bodies, time-outs and signals. DOCKER_HOST tells
// which engine, TCP the same engine's loopback port.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { after, test } from "node:test";
import { promisify } from "node:util";
import Modem from "docker-modem";
import tar from "tar-stream";
import { collect, follow, textOf } from "./streams.mjs";

const { IMAGE, TCP } = process.env;
const modem = new Modem();
const dial = promisify(modem.dial.bind(modem));
const created = [];
const OK = { 200: true, 201: true, 204: true, 404: "no such thing", 409: "conflict" };
const BIG = 24 << 20;

const get = (path, options) => dial({ path, method: "GET", statusCodes: OK, ...options });
const post = (path, body, options) =>
  dial({ path, method: "POST", options: body, statusCodes: OK, ...options });

async function make(options) {
  const { Id } = await post("/containers/create?", { Image: IMAGE, ...options });
  created.push(Id);
  return Id;
}

after(() =>
  Promise.all(
    created.map((id) =>
      dial({ path: `/containers/${id}?force=1&v=1`, method: "DELETE", statusCodes: OK }).catch(() => {}),
    ),
  ),
);

test("by callback", async () => {
  const [error, data] = await new Promise((resolve) =>
    modem.dial({ path: "/_ping", method: "GET", statusCodes: OK }, (...result) => resolve(result)),
  );
  assert.equal(error, null);
  assert.equal(data.toString(), "OK");
});

test("by promise, with a query and errors", async () => {
  const id = await make({ Cmd: ["true"], Labels: { modem: "1" } });
  const listed = await get("/containers/json?", { options: { all: true, filters: { label: ["modem=1"] } } });
  assert.deepEqual(
    listed.map(({ Id }) => Id),
    [id],
  );
  const missing = await get("/containers/missing/json").catch((error) => error);
  assert.equal(missing.statusCode, 404);
  assert.equal(missing.reason, "no such thing");
  assert.deepEqual(missing.json, { message: "No such container: missing" });
  const streamed = await get("/containers/missing/logs?stdout=1&", { isStream: true }).catch(
    (error) => error,
  );
  assert.match(streamed.message, /No such container: missing/);
});

test("over TCP, by the host's parts and by its address", async () => {
  const { hostname, port } = new URL(TCP.replace("tcp:", "http:"));
  for (const options of [
    { protocol: "http", host: hostname, port },
    { host: `http://${hostname}`, port },
  ]) {
    const there = new Modem(options);
    const version = await promisify(there.dial.bind(there))({
      path: "/version",
      method: "GET",
      statusCodes: OK,
    });
    assert.equal(version.Os, "linux");
  }
});

test("a big body goes in and comes out the same", async () => {
  const content = randomBytes(BIG);
  const id = await make({ Cmd: ["true"] });
  const pack = tar.pack();
  pack.entry({ name: "big", size: BIG }, content);
  pack.finalize();
  await dial({ path: `/containers/${id}/archive?path=/tmp&`, method: "PUT", file: pack, statusCodes: OK });
  const out = await get(`/containers/${id}/archive?path=/tmp/big&`, { isStream: true });
  const hash = createHash("sha256");
  const extract = tar.extract();
  out.pipe(extract);
  for await (const entry of extract) for await (const chunk of entry) hash.update(chunk);
  assert.equal(hash.digest("hex"), createHash("sha256").update(content).digest("hex"));
});

test("a stream that is hijacked carries both ways at once", async () => {
  const id = await make({ Cmd: ["cat"], OpenStdin: true, StdinOnce: true });
  const options = { stream: true, stdin: true, stdout: true };
  const socket = await post(`/containers/${id}/attach?`, options, {
    hijack: true,
    openStdin: true,
    isStream: true,
  });
  await post(`/containers/${id}/start`);
  const content = randomBytes(BIG / 4);
  const hash = createHash("sha256");
  let bytes = 0;
  const output = collect();
  modem.demuxStream(
    socket,
    {
      write(chunk) {
        bytes += chunk.length;
        hash.update(chunk);
      },
    },
    output,
  );
  const ended = new Promise((resolve) => socket.on("end", resolve));
  Readable.from(chunksOf(content)).pipe(socket);
  await ended;
  assert.equal(bytes, content.length);
  assert.equal(hash.digest("hex"), createHash("sha256").update(content).digest("hex"));
  assert.equal(output.text(), "");
});

function* chunksOf(content) {
  for (let at = 0; at < content.length; at += 50_000) yield content.subarray(at, at + 50_000);
}

test("a reader that is slow loses nothing", async () => {
  const id = await make({ Cmd: ["seq", "1", "200000"] });
  await post(`/containers/${id}/start`);
  await post(`/containers/${id}/wait?`);
  const stream = await get(`/containers/${id}/logs?stdout=1&follow=1&`, { isStream: true });
  let lines = 0;
  const count = {
    write(chunk) {
      for (const byte of chunk) if (byte === 10) lines++;
    },
  };
  modem.demuxStream(stream, count, count);
  const slow = setInterval(() => {
    stream.pause();
    setTimeout(() => stream.resume(), 10);
  }, 20);
  await new Promise((resolve) => stream.on("end", resolve));
  clearInterval(slow);
  assert.equal(lines, 200_000);
});

test("progress of what goes step by step", async () => {
  const pack = tar.pack();
  pack.entry({ name: "Dockerfile" }, `FROM ${IMAGE}\nRUN echo step\n`);
  pack.finalize();
  const stream = await post("/build?", { t: "modem:built" }, { file: pack, isStream: true });
  const seen = [];
  const all = await new Promise((resolve, reject) =>
    modem.followProgress(
      stream,
      (error, output) => (error ? reject(error) : resolve(output)),
      (line) => seen.push(line),
    ),
  );
  assert.deepEqual(all, seen);
  assert.match(all.map(({ stream: text }) => text ?? "").join(""), /step\n/);
});

test("a signal ends a request that waits", async () => {
  const id = await make({ Cmd: ["sleep", "600"], HostConfig: { Init: true } });
  await post(`/containers/${id}/start`);
  const controller = new AbortController();
  const waiting = post(`/containers/${id}/wait?`, undefined, { abortSignal: controller.signal });
  setTimeout(() => controller.abort(), 100);
  await assert.rejects(waiting, { name: "AbortError" });
  assert.equal((await get(`/containers/${id}/json`)).State.Running, true);
});

test("a signal ends a stream of events and of a followed log", async () => {
  const id = await make({ Cmd: ["sh", "-c", "echo one; sleep 600"], HostConfig: { Init: true } });
  await post(`/containers/${id}/start`);
  for (const path of ["/events?", `/containers/${id}/logs?stdout=1&follow=1&`]) {
    const controller = new AbortController();
    const stream = await get(path, { isStream: true, abortSignal: controller.signal });
    const ended = textOf(stream);
    setTimeout(() => controller.abort(), 100);
    await assert.rejects(ended, { code: "ECONNRESET" });
  }
  assert.equal((await get("/_ping")).toString(), "OK");
});

test("an upload that breaks off changes nothing", async () => {
  const id = await make({ Cmd: ["true"] });
  const broken = new Readable({ read() {} });
  const pack = tar.pack();
  pack.entry({ name: "half", size: 1_000_000 }).write(Buffer.alloc(1000));
  pack.once("data", (chunk) => {
    broken.push(chunk);
    setTimeout(() => broken.destroy(new Error("broken off")), 50);
  });
  const put = dial({
    path: `/containers/${id}/archive?path=/tmp&`,
    method: "PUT",
    file: broken,
    statusCodes: OK,
  });
  await assert.rejects(put, { message: "broken off" });
  const { State } = await get(`/containers/${id}/json`);
  assert.equal(State.Status, "created");
});

test("events of before and after, as lines", async () => {
  const until = Math.ceil(Date.now() / 1000) + 1;
  const id = await make({ Cmd: ["true"] });
  await post(`/containers/${id}/start`);
  await post(`/containers/${id}/wait?`);
  const filters = { container: [id] };
  const lines = await follow(
    await get("/events?", { isStream: true, options: { since: 1, until, filters } }),
  );
  assert.deepEqual(
    lines.map(({ Action }) => Action).filter((action) => ["create", "start", "die"].includes(action)),
    ["create", "start", "die"],
  );
});
