// Whole applications, of programs that Debian packages.
import { beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { programsRootTar } from "../../scripts/lib/programs-image.ts";
import { buildFolders } from "../support/build-folder.ts";
import {
  hasDebianServices,
  loadDebianServices,
  POSTGRES_IMAGE,
  REDIS_IMAGE,
} from "../support/debian-services.ts";
import { eventually, useEngine } from "../support/suite.ts";
import { RunningCompose } from "./running.ts";

const { engine, docker, inspect } = useEngine();
const folderOf = buildFolders();
/** A shell, nginx, and Node where it is installed. */
const PROGRAMS = "programs:test";
const MINUTES_5 = 300_000;
/** The images may have to be made first, on a machine that is busy with other tests. */
const MINUTES_10 = 600_000;

const hasNode = Bun.which("node") !== null;

beforeAll(async () => {
  const tar = await programsRootTar(["nginx", ...(hasNode ? ["node"] : [])]);
  expect(await engine().berth(["import", "-", PROGRAMS], { stdin: tar })).toMatchObject({ code: 0 });
});

async function must(cwd: string, ...args: string[]): Promise<string> {
  const result = await engine().berth(["compose", ...args], { cwd, timeoutMs: MINUTES_5 });
  expect(result, args.join(" ")).toMatchObject({ code: 0 });
  return result.stdout.trimEnd();
}

/** What a service answers at its published port; the failure where it does not. */
const page =
  (folder: string, service: string, path = "/") =>
  async () => {
    const address = await must(folder, "port", service, "80");
    return fetch(`http://${address}${path}`, { signal: AbortSignal.timeout(5000) }).then(
      async (answer) => (answer.ok ? (await answer.text()).trim() : `status ${answer.status}`),
      (error: Error) => error.message,
    );
  };

const nginx = (server: string) => `user root root;
daemon off;
error_log stderr;
pid /tmp/nginx.pid;
events {}
http { access_log off; include /etc/nginx/mime.types; server { listen 80; ${server} } }
`;

describe("a web server", () => {
  test(
    "serves a folder of this machine, says when it is ready, and is scaled",
    async () => {
      const folder = folderOf({
        "site/index.html": "first page",
        "nginx.conf": nginx("root /srv; location /whoami { return 200 $hostname; }"),
        "compose.yaml": `services:
  web:
    image: ${PROGRAMS}
    command: [nginx, -c, /etc/nginx/nginx.conf]
    ports: ["127.0.0.1:\${WEB_PORT:-0}:80"]
    volumes: [./site:/srv:ro]
    configs: [{ source: server, target: /etc/nginx/nginx.conf }]
    healthcheck: { test: [CMD, wget, -qO-, "http://127.0.0.1/"], interval: 100ms, retries: 50 }
configs:
  server: { file: ./nginx.conf }
name: site
`,
      });
      chmodSync(join(folder, "site"), 0o755);
      await must(folder, "up", "-d", "--wait");
      expect(await page(folder, "web")()).toBe("first page");
      writeFileSync(join(folder, "site/index.html"), "second page");
      expect(await page(folder, "web")()).toBe("second page");
      await must(folder, "up", "-d", "--wait", "--scale", "web=3");
      const listed = (await must(folder, "ps", "--format", "json"))
        .split("\n")
        .map((line) => JSON.parse(line));
      expect(listed.map(({ Health }) => Health)).toEqual(["healthy", "healthy", "healthy"]);
      expect(
        await must(folder, "exec", "-T", "--index", "3", "web", "wget", "-qO-", "http://127.0.0.1/whoami"),
      ).toBe(await inspect("site-web-3", "{{.Config.Hostname}}"));
      await must(folder, "down");
      expect(await docker("ps", "-aq")).toBe("");
    },
    MINUTES_5,
  );
});

const GREETING = (text: string) => `module.exports = ${JSON.stringify(text)};\n`;

/** The guest book: a counter in Redis, and lines in PostgreSQL, over the wire as it is, without packages. */
const SERVER = `const http = require("node:http");
const greeting = require("./greeting.js");
const { redis, query } = require("./clients.js");

const answers = {
  "/health": async () => "ok",
  "/": async () => ({ greeting, version: require("../package.json").version, ...(await counts()) }),
  "/sign": async () => (await query("insert into guests (name) values ('somebody')"), counts()),
};
const counts = async () => ({
  visits: await redis("INCR", "visits"),
  guests: Number((await query("select count(*) from guests"))[0][0]),
});

http.createServer(async (request, response) => {
  try {
    const body = await answers[request.url]();
    response.end(typeof body === "string" ? body : JSON.stringify(body));
  } catch (error) {
    response.writeHead(500).end(String(error));
  }
}).listen(3000, () => console.log("listening as", process.getuid()));
process.on("SIGTERM", () => process.exit(0));
`;

const CLIENTS = `const { connect } = require("node:net");
const crypto = require("node:crypto");
const { readFileSync } = require("node:fs");

exports.redis = (...words) => new Promise((resolve, reject) => {
  const socket = connect(6379, "cache");
  socket.on("error", reject);
  socket.on("data", (data) => { socket.end(); resolve(Number(String(data).slice(1))); });
  socket.write("*" + words.length + "\\r\\n" + words.map((word) => "$" + word.length + "\\r\\n" + word + "\\r\\n").join(""));
});

const hmac = (key, text) => crypto.createHmac("sha256", key).update(text).digest();
const message = (type, ...parts) => {
  const body = Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part) : part)));
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length + 4);
  return Buffer.concat([Buffer.from(type), length, body]);
};

/** One query of its own connection; the password is proved by SCRAM-SHA-256 (RFC 5802). */
exports.query = (sql) => new Promise((resolve, reject) => {
  const password = readFileSync("/run/secrets/db_password", "utf8").trim();
  const socket = connect(5432, "db");
  const nonce = crypto.randomBytes(18).toString("base64");
  const rows = [];
  let received = Buffer.alloc(0);
  let asked = false;
  const fail = (error) => { socket.destroy(); reject(error); };
  const authenticate = (body) => {
    const kind = body.readInt32BE();
    if (kind === 10) {
      const first = Buffer.from("n,,n=,r=" + nonce);
      const length = Buffer.alloc(4);
      length.writeInt32BE(first.length);
      socket.write(message("p", "SCRAM-SHA-256\\0", length, first));
    } else if (kind === 11) {
      const theirs = String(body.subarray(4));
      const { r, s, i } = Object.fromEntries(theirs.split(",").map((field) => [field[0], field.slice(2)]));
      const key = hmac(crypto.pbkdf2Sync(password, Buffer.from(s, "base64"), Number(i), 32, "sha256"), "Client Key");
      const last = "c=biws,r=" + r;
      const signature = hmac(crypto.createHash("sha256").update(key).digest(), "n=,r=" + nonce + "," + theirs + "," + last);
      const proof = key.map((byte, at) => byte ^ signature[at]);
      socket.write(message("p", last + ",p=" + Buffer.from(proof).toString("base64")));
    }
  };
  const row = (body) => {
    const values = [];
    for (let at = 2; values.length < body.readInt16BE(); ) {
      const length = body.readInt32BE(at);
      values.push(String(body.subarray(at + 4, at + 4 + length)));
      at += 4 + length;
    }
    rows.push(values);
  };
  socket.on("error", reject);
  socket.on("connect", () => {
    const start = message("", Buffer.from([0, 3, 0, 0]), "user\\0guests\\0database\\0guests\\0\\0");
    socket.write(start);
  });
  socket.on("data", (data) => {
    received = Buffer.concat([received, data]);
    while (received.length >= 5 && received.length > received.readInt32BE(1)) {
      const end = 1 + received.readInt32BE(1);
      const type = String.fromCharCode(received[0]);
      const body = received.subarray(5, end);
      received = received.subarray(end);
      if (type === "R") authenticate(body);
      else if (type === "D") row(body);
      else if (type === "E") fail(new Error(String(body)));
      else if (type === "Z" && asked) { socket.end(message("X")); resolve(rows); }
      else if (type === "Z") { asked = true; socket.write(message("Q", sql + "\\0")); }
    }
  });
});
`;

const GUESTBOOK = `name: guestbook
services:
  front:
    image: ${PROGRAMS}
    command: [nginx, -c, /etc/nginx/site.conf]
    configs: [{ source: site, target: /etc/nginx/site.conf, mode: 0440 }]
    ports: ["127.0.0.1::80"]
    networks: [outside, inside]
    depends_on: { app: { condition: service_healthy } }
  app:
    build: ./app
    init: true
    user: "33:33"
    networks: [inside]
    secrets: [{ source: db_password, uid: "33", gid: "33", mode: 0400 }]
    stop_grace_period: 5s
    healthcheck: { test: [CMD, wget, -qO-, "http://127.0.0.1:3000/health"], interval: 200ms, retries: 100 }
    depends_on:
      db: { condition: service_healthy }
      cache: { condition: service_healthy }
      migrate: { condition: service_completed_successfully }
    develop:
      watch:
        - { action: sync+restart, path: ./app/src, target: /app/src }
        - { action: rebuild, path: ./app/package.json }
  migrate:
    image: ${POSTGRES_IMAGE}
    networks: [inside]
    secrets: [db_password]
    entrypoint: [sh, -c]
    command:
      - PGPASSWORD=$$(cat /run/secrets/db_password) exec psql -v ON_ERROR_STOP=1 -h db -U guests
        -c 'create table if not exists guests (name text)'
    depends_on: { db: { condition: service_healthy } }
  db:
    image: ${POSTGRES_IMAGE}
    networks: [inside]
    entrypoint: [sh, -c, "POSTGRES_PASSWORD=$$(cat /run/secrets/db_password) exec docker-entrypoint.sh postgres -c fsync=off"]
    environment: { POSTGRES_USER: guests }
    secrets: [db_password]
    volumes: [db-data:/var/lib/postgresql/data]
    stop_signal: SIGINT
    healthcheck: { test: [CMD, pg_isready, -h, 127.0.0.1, -U, guests], interval: 200ms, retries: 200 }
  cache:
    image: ${REDIS_IMAGE}
    networks: [inside]
    command: [redis-server, --save, ""]
    healthcheck: { test: [CMD-SHELL, "redis-cli ping | grep -q PONG"], interval: 200ms, retries: 100 }
networks:
  outside: {}
  inside: { internal: true }
volumes: { db-data: {} }
secrets: { db_password: { file: ./db_password.txt } }
configs:
  site:
    content: |
${nginx(
  "resolver 127.0.0.11 valid=1s; location / { proxy_connect_timeout 1s; set $app http://app:3000; proxy_pass $app; }",
)
  .replaceAll("$", () => "$$")
  .replace(/^/gm, "      ")}
`;

describe.if(hasDebianServices && hasNode)("a Node application with PostgreSQL and Redis", () => {
  let folder: string;
  const answer = async () => JSON.parse(await page(folder, "front")());

  beforeAll(async () => {
    await loadDebianServices(engine());
    folder = folderOf({
      "compose.yaml": GUESTBOOK,
      "db_password.txt": 'o\'pen "sesame"\n',
      "app/Dockerfile": `FROM ${PROGRAMS}\nWORKDIR /app\nCOPY . .\nCMD ["node", "src/server.js"]\n`,
      "app/.dockerignore": "Dockerfile\n*.md\n",
      "app/package.json": '{ "name": "guestbook", "version": "1.0.0" }\n',
      "app/src/server.js": SERVER,
      "app/src/clients.js": CLIENTS,
      "app/src/greeting.js": GREETING("Welcome"),
    });
  }, MINUTES_10);

  test(
    "comes up in the order of its health, with its secret for one user alone",
    async () => {
      await must(folder, "up", "-d");
      await eventually(page(folder, "front", "/health"), "ok");
      expect(await answer()).toEqual({ greeting: "Welcome", version: "1.0.0", visits: 1, guests: 0 });
      const at = async (service: string, what: string) =>
        Date.parse(await inspect(`guestbook-${service}-1`, `{{.State.${what}}}`));
      expect(await at("migrate", "FinishedAt")).toBeLessThan(await at("app", "StartedAt"));
      expect(await at("db", "StartedAt")).toBeLessThan(await at("migrate", "StartedAt"));
      expect(await at("app", "StartedAt")).toBeLessThan(await at("front", "StartedAt"));
      const secret = await must(
        folder,
        "exec",
        "-T",
        "app",
        "stat",
        "-c",
        "%u %g %a",
        "/run/secrets/db_password",
      );
      expect(secret).toBe("33 33 400");
      expect(await must(folder, "logs", "--no-log-prefix", "app")).toContain("listening as 33");
      // Nothing of what runs has changed.
      const before = await docker("ps", "-q", "--no-trunc");
      await must(folder, "up", "-d");
      expect(await docker("ps", "-q", "--no-trunc")).toBe(before);
    },
    MINUTES_5,
  );

  test(
    "what is in the volume outlives down, what is not does not",
    async () => {
      for (const guests of [1, 2])
        expect(JSON.parse(await page(folder, "front", "/sign")())).toMatchObject({ guests });
      await must(folder, "down", "-t", "2");
      expect(await docker("ps", "-aq")).toBe("");
      expect(await docker("volume", "ls", "-q", "--filter", "name=guestbook_db-data")).toBe(
        "guestbook_db-data",
      );
      await must(folder, "up", "-d", "--wait", "front");
      await eventually(page(folder, "front", "/health"), "ok");
      expect(await answer()).toMatchObject({ visits: 1, guests: 2 });
    },
    MINUTES_5,
  );

  test(
    "watch brings a saved file into it, and makes a new image where that is needed",
    async () => {
      await using watch = new RunningCompose(engine(), folder, ["watch", "--no-up"]);
      await watch.said("Watch enabled");
      const image = await inspect("guestbook-app-1", "{{.Image}}");
      writeFileSync(join(folder, "app/src/greeting.js"), GREETING("Hello"));
      await eventually(async () => (await answer().catch(() => ({}))).greeting, "Hello");
      expect(await inspect("guestbook-app-1", "{{.Image}}")).toBe(image);
      const path = join(folder, "app/package.json");
      writeFileSync(path, readFileSync(path, "utf8").replace("1.0.0", "2.0.0"));
      await eventually(async () => (await answer().catch(() => ({}))).version, "2.0.0");
      expect(await answer()).toMatchObject({ greeting: "Hello", guests: 2 });
      expect(await inspect("guestbook-app-1", "{{.Image}}")).not.toBe(image);
      expect(await watch.interrupt()).toBe(130);
    },
    MINUTES_5,
  );

  test(
    "down -v takes the data along",
    async () => {
      await must(folder, "down", "-v", "-t", "2", "--rmi", "local");
      expect(await docker("volume", "ls", "-q", "--filter", "name=guestbook")).toBe("");
      expect(await docker("network", "ls", "-q", "--filter", "name=guestbook")).toBe("");
      expect(await docker("images", "-q", "guestbook-app")).toBe("");
    },
    MINUTES_5,
  );
});
