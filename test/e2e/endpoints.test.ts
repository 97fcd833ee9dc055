// Engines that are elsewhere: our client by TLS and by ssh, and what the docker client streams over TLS.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EXECUTABLE } from "../../scripts/lib/shell.ts";
import { dialWithNode } from "../../src/sdk/connection-node.ts";
import { exchange } from "../../src/sdk/http.ts";
import { Engine, parseEndpoint, type TcpEndpoint } from "../../src/sdk/index.ts";
import {
  type CommandOptions,
  DOCKER,
  IMAGE,
  runCommand,
  startEngine,
  type TestEngine,
} from "../support/engine.ts";
import { bePatient, eventually } from "../support/suite.ts";
import { writeCertificates } from "../support/tls-files.ts";

bePatient();

const folder = mkdtempSync(join(tmpdir(), "berth-endpoints-"));
const path = writeCertificates(join(folder, "certificates"));
const pem = (name: string) => readFileSync(path(name), "utf8");
const material = {
  verify: true,
  ca: pem("ca.pem"),
  cert: pem("client-cert.pem"),
  key: pem("client-key.pem"),
};
/** More than all the buffers on the way together. */
const LARGE = new Uint8Array(50_000_000).map((_, index) => (index * 7919) >> 3);
const LARGE_SUM = new Bun.CryptoHasher("md5").update(LARGE).digest("hex");

let port: number;
let engine: TestEngine;
let container: string;

beforeAll(async () => {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  port = listener.port;
  listener.stop(true);
  const files = ["--tlscacert", path("ca.pem"), "--tlscert", path("server-cert.pem")];
  // `tls` alone verifies clients too, as with dockerd.
  const args = [
    "-H",
    `tcp://127.0.0.1:${port}`,
    "-H",
    `tcp://127.0.0.2:${port}`,
    "--tls",
    ...files,
    "--tlskey",
    path("server-key.pem"),
  ];
  engine = await startEngine({ args });
  container = (await engine.berth(["run", "-d", "--network", "none", IMAGE, "sleep", "1000"])).stdout.trim();
  mkdirSync(join(folder, "certs"));
  for (const [name, source] of [
    ["ca.pem", "ca.pem"],
    ["cert.pem", "client-cert.pem"],
    ["key.pem", "client-key.pem"],
  ] as const)
    writeFileSync(join(folder, "certs", name), pem(source));
});

afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

/** The environment of somebody who has set nothing but this. */
const only = (env: Record<string, string>) => ({
  ...{ DOCKER_HOST: "", BERTH_HOST: "", DOCKER_TLS_VERIFY: "", DOCKER_CERT_PATH: "" },
  DOCKER_CONFIG: join(folder, "config"),
  ...env,
});

describe("our client by TLS", () => {
  const env = () =>
    only({
      DOCKER_HOST: `tcp://localhost:${port}`,
      DOCKER_TLS_VERIFY: "1",
      DOCKER_CERT_PATH: join(folder, "certs"),
    });
  const berth = (args: string[], options: CommandOptions = {}) =>
    runCommand([EXECUTABLE, ...args], { timeoutMs: 20_000, ...options, env: { ...env(), ...options.env } });

  test("does everything: input with its end, both streams, exit codes, 50 MB there and back", async () => {
    expect(
      await berth(["exec", "-i", container, "sh", "-c", "cat; echo err >&2; exit 4"], { stdin: "in\n" }),
    ).toEqual({ code: 4, stdout: "in\n", stderr: "err\n" });
    const there = await berth(["exec", "-i", container, "md5sum"], { stdin: LARGE });
    expect(there.stdout).toBe(`${LARGE_SUM}  -\n`);
    const back = await berth(["exec", container, "sh", "-c", "yes | head -c 50000000"]);
    expect(back.stdout.length).toBe(50_000_000);
  });

  test("finds its certificates by flags, by the environment, and in a context", async () => {
    const flags = ["--tlsverify", "--tlscacert", path("ca.pem"), "--tlscert", path("client-cert.pem")];
    const bare = only({});
    const host = ["-H", `tcp://127.0.0.1:${port}`];
    const all = [...host, ...flags, "--tlskey", path("client-key.pem"), "ps", "-q", "--no-trunc"];
    expect(await berth(all, { env: bare })).toEqual({ code: 0, stdout: `${container}\n`, stderr: "" });
    expect((await berth(["ps", "-q", "--no-trunc"])).stdout).toBe(`${container}\n`);

    const docker = `host=tcp://localhost:${port},ca=${path("ca.pem")},cert=${path("client-cert.pem")},key=${path("client-key.pem")}`;
    const created = await berth(["context", "create", "far", "--docker", docker], { env: bare });
    expect(created).toEqual({ code: 0, stdout: "far\n", stderr: 'Successfully created context "far"\n' });
    expect((await berth(["-c", "far", "ps", "-q", "--no-trunc"], { env: bare })).stdout).toBe(
      `${container}\n`,
    );
    // Docker's client reads what ours has written.
    const byDocker = await runCommand([DOCKER!, "--context", "far", "ps", "-q", "--no-trunc"], { env: bare });
    expect(byDocker).toEqual({ code: 0, stdout: `${container}\n`, stderr: "" });
  });

  test.each([
    [
      ["--tlscacert", path("stranger-ca.pem")],
      {},
      "error during connect: tls: failed to verify certificate: ",
    ],
    [
      ["--tlscert", path("stranger-cert.pem"), "--tlskey", path("stranger-key.pem")],
      {},
      "error during connect: EOF: the engine closed the connection without a word",
    ],
    [["--tlscert", path("stranger-cert.pem")], {}, "error during connect: tls: "],
    [["--tlscert", "/nonexistent"], {}, 'could not load X509 key pair (cert: "/nonexistent"'],
    [[], { DOCKER_CERT_PATH: "/nonexistent" }, 'could not read CA certificate "/nonexistent/ca.pem": open '],
    [
      [],
      { DOCKER_TLS_VERIFY: "" },
      "Error response from daemon: Client sent an HTTP request to an HTTPS server.",
    ],
    [
      ["--tlsverify=false", "--tlscert", "/nonexistent", "--tlskey", "/nonexistent"],
      {},
      "could not load X509 key pair",
    ],
  ] as [string[], Record<string, string>, string][])(
    "%j %j fails with words that help",
    async (flags, more, expected) => {
      const { code, stdout, stderr } = await berth([...flags, "ps"], { env: more });
      expect([code, stdout]).toEqual([1, ""]);
      expect(stderr).toStartWith(expected);
    },
  );

  test("a client without a certificate hears why, and one that is no TLS server is told of", async () => {
    const certs = join(folder, "only-ca");
    mkdirSync(certs);
    writeFileSync(join(certs, "ca.pem"), pem("ca.pem"));
    const { stderr } = await berth(["ps"], { env: { DOCKER_CERT_PATH: certs } });
    expect(stderr).toBe("error during connect: remote error: tls: certificate required\n");
    using plain = Bun.listen({
      ...{ hostname: "127.0.0.1", port: 0 },
      socket: {
        data(socket) {
          socket.end("HTTP/1.0 400 Bad Request\r\n\r\n");
        },
      },
    }) as Bun.TCPSocketListener & Disposable;
    const wrong = await berth(["-H", `tcp://localhost:${plain.port}`, "ps"]);
    expect(wrong.stderr).toBe("error during connect: http: server gave HTTP response to HTTPS client\n");
  });

  test("an engine of another name, or that somebody else has signed for, is refused unless told otherwise", async () => {
    const elsewhere = await berth(["-H", `tcp://127.0.0.2:${port}`, "ps"]);
    expect(elsewhere).toMatchObject({ code: 1, stdout: "" });
    expect(elsewhere.stderr).toStartWith(
      "error during connect: tls: failed to verify certificate: Hostname/IP does not",
    );
    expect((await berth(["-H", `tcp://127.0.0.2:${port}`, "--tlsverify=false", "ps"])).code).toBe(0);
    const byNode = dialWithNode({ kind: "tcp", host: "127.0.0.2", port, tls: material });
    await expect(byNode).rejects.toThrow("Hostname/IP does not match");
    const swapped = { ...material, ca: pem("stranger-ca.pem") };
    const endpoint = (tls: object) =>
      ({ ...(parseEndpoint(`tcp://127.0.0.1:${port}`) as TcpEndpoint), tls }) as TcpEndpoint;
    await expect(new Engine(endpoint(swapped)).system.ping()).rejects.toThrow("failed to verify certificate");
    await new Engine(endpoint({ ...swapped, verify: false })).system.ping();
  });

  test("the connection for Node does the same, with the same refusals", async () => {
    const endpoint = { ...(parseEndpoint(`tcp://localhost:${port}`) as TcpEndpoint), tls: material };
    const connection = await dialWithNode(endpoint);
    const response = await exchange(connection, { method: "GET", path: "/_ping", host: "localhost" });
    expect(await response.text()).toBe("OK");
    const stranger = { ...material, ca: pem("stranger-ca.pem") };
    await expect(dialWithNode({ ...endpoint, tls: stranger })).rejects.toThrow(
      "failed to verify certificate",
    );
  });
});

describe("the docker client by TLS", () => {
  const flags = () => [
    ...["-H", `tcp://localhost:${port}`, "--tlsverify", "--tlscacert", path("ca.pem")],
    ...["--tlscert", path("client-cert.pem"), "--tlskey", path("client-key.pem")],
  ];
  const env = only({});

  test("streams: 50 MB there and back, and their end", async () => {
    const run = (args: string[], stdin?: Uint8Array) =>
      runCommand([DOCKER!, ...flags(), ...args], { env, ...(stdin && { stdin }) });
    expect((await run(["exec", "-i", container, "md5sum"], LARGE)).stdout).toBe(`${LARGE_SUM}  -\n`);
    expect((await run(["exec", container, "sh", "-c", "yes | head -c 50000000"])).stdout.length).toBe(
      50_000_000,
    );
  });

  test("follows logs and events as they come, and the engine notices when the client has gone", async () => {
    const script = "while read line; do echo $line; done";
    const run = ["run", "-d", "-i", "--network", "none", IMAGE, "sh", "-c", script];
    const talker = (await engine.berth(run)).stdout.trim();
    const follow = (args: string[]) =>
      Bun.spawn([DOCKER!, ...flags(), ...args], {
        env: { ...process.env, ...env } as Record<string, string>,
        stdout: "pipe",
        stderr: "ignore",
      });
    const logs = follow(["logs", "-f", talker]);
    const events = follow(["events", "--format", "{{.Action}}", "--filter", `container=${talker}`]);
    try {
      const seen = { logs: "", events: "" };
      const collect = async (name: keyof typeof seen, source: ReadableStream<Uint8Array>) => {
        for await (const bytes of source) seen[name] += new TextDecoder().decode(bytes);
      };
      void collect("logs", logs.stdout);
      void collect("events", events.stdout);
      const say = (text: string) => engine.berth(["attach", talker], { stdin: text });
      void say("one\n").catch(() => {});
      await eventually(async () => seen.logs, "one\n");
      // Whether the events' subscription stands is seen by an event.
      await eventually(async () => {
        await engine.berth(["rename", talker, `talker-${Math.random()}`]);
        return seen.events.includes("rename");
      }, true);
      const open = () => readdirSync(`/proc/${engine.pid}/fd`).length;
      const before = open();
      logs.kill("SIGKILL");
      events.kill("SIGKILL");
      // Each had a connection to the front, one from there to the server, and its other end.
      await eventually(async () => open() <= before - 6, true);
    } finally {
      logs.kill("SIGKILL");
      events.kill("SIGKILL");
      await engine.berth(["rm", "-f", talker]);
    }
  }, 60_000);

  test("a WebSocket carries input and output", async () => {
    const run = ["run", "-d", "-i", "--network", "none", IMAGE, "cat"];
    const echo = (await engine.berth(run)).stdout.trim();
    const { verify: _, ...tls } = material;
    const url = `wss://localhost:${port}/containers/${echo}/attach/ws?stream=1&stdin=1&stdout=1`;
    const socket = new WebSocket(url, { tls } as unknown as string[]);
    try {
      socket.binaryType = "arraybuffer";
      const received = Promise.withResolvers<string>();
      socket.onerror = () => received.reject(new Error("the WebSocket failed"));
      socket.onmessage = ({ data }) =>
        received.resolve(typeof data === "string" ? data : new TextDecoder().decode(data as ArrayBuffer));
      socket.onopen = () => socket.send("over TLS\n");
      expect(await received.promise).toBe("over TLS\n");
    } finally {
      socket.close();
      await engine.berth(["rm", "-f", echo]);
    }
  });
});

describe("by ssh", () => {
  const programs = join(folder, "bin");
  const log = join(folder, "ssh.log");

  /** Runs what it is asked to, on this machine, where `berth` and `docker` are our client. */
  beforeAll(() => {
    mkdirSync(join(folder, "there"));
    mkdirSync(programs);
    for (const name of ["berth", "docker"]) symlinkSync(EXECUTABLE, join(folder, "there", name));
    const script = `#!/bin/sh
printf '%s\\n' "$*" >>'${log}'
while [ "$1" != -- ]; do shift; done
host=$2
shift 2
if [ "$host" = nowhere ]; then echo 'ssh: Could not resolve hostname nowhere' >&2; exit 255; fi
export PATH='${join(folder, "there")}':$PATH DOCKER_HOST='${engine.host}' BERTH_HOST=
exec sh -c "exec $*"
`;
    writeFileSync(join(programs, "ssh"), script);
    chmodSync(join(programs, "ssh"), 0o755);
  });

  const run = (program: string, args: string[], options: CommandOptions = {}) =>
    runCommand([program, ...args], {
      ...options,
      env: only({ PATH: `${programs}:${process.env["PATH"]}` }),
      timeoutMs: 20_000,
    });

  test("our client does everything", async () => {
    const berth = (args: string[], stdin?: string | Uint8Array) =>
      run(EXECUTABLE, ["-H", "ssh://me@far:2222", ...args], stdin === undefined ? {} : { stdin });
    expect((await berth(["ps", "-q", "--no-trunc"])).stdout).toBe(`${container}\n`);
    expect(readFileSync(log, "utf8")).toBe(
      "-o ConnectTimeout=30 -T -l me -p 2222 -- far berth system dial-stdio\n",
    );
    expect(await berth(["exec", "-i", container, "sh", "-c", "cat; echo err >&2; exit 4"], "in\n")).toEqual({
      code: 4,
      stdout: "in\n",
      stderr: "err\n",
    });
    expect((await berth(["exec", "-i", container, "md5sum"], LARGE)).stdout).toBe(`${LARGE_SUM}  -\n`);
  });

  test("the socket there may have another name, whatever is in it", async () => {
    const { stdout } = await run(EXECUTABLE, ["-H", `ssh://far${engine.socket}`, "ps", "-q", "--no-trunc"]);
    expect(stdout).toBe(`${container}\n`);
    const { stderr } = await run(EXECUTABLE, ["-H", `ssh://far${folder}/no;touch ${folder}/it's`, "ps"]);
    expect(stderr).toContain(
      `Cannot connect to the berth daemon at unix://${folder}/no;touch ${folder}/it's`,
    );
    expect(readdirSync(folder)).not.toContain("it's");
  });

  test("what ssh complains of is told, and names that could be options are refused", async () => {
    const nowhere = await run(EXECUTABLE, ["-H", "ssh://nowhere", "ps"]);
    expect(nowhere).toMatchObject({ code: 1, stdout: "" });
    expect(nowhere.stderr).toStartWith(
      "error during connect: command [ssh -o ConnectTimeout=30 -T -- nowhere ",
    );
    expect(nowhere.stderr).toEndWith("stderr=ssh: Could not resolve hostname nowhere\n");
    const option = await run(EXECUTABLE, ["-H", `ssh://-oProxyCommand=touch%20${folder}/owned`, "ps"]);
    expect(option.stderr).toStartWith("ssh host connection is not valid: invalid host ");
    const none = await runCommand([EXECUTABLE, "-H", "ssh://far", "ps"], {
      env: only({ PATH: "/nonexistent" }),
    });
    expect(none.stderr).toStartWith("error during connect: cannot run ssh: ");
  });

  test("an interrupted client leaves no ssh behind", async () => {
    const before = readFileSync(log, "utf8").length;
    const child = Bun.spawn([EXECUTABLE, "-H", "ssh://far", "logs", "-f", container], {
      env: { ...process.env, ...only({ PATH: `${programs}:${process.env["PATH"]}` }) } as Record<
        string,
        string
      >,
      stdout: "ignore",
      stderr: "ignore",
    });
    const dialling = () =>
      readdirSync("/proc").filter((pid) => {
        if (!/^\d+$/.test(pid)) return false;
        try {
          const [command, parent] = [
            readFileSync(`/proc/${pid}/cmdline`, "utf8"),
            readFileSync(`/proc/${pid}/environ`, "utf8"),
          ];
          return command.includes("dial-stdio") && parent.includes(`DOCKER_HOST=${engine.host}`);
        } catch {
          return false;
        }
      }).length;
    await eventually(async () => readFileSync(log, "utf8").length > before && dialling() > 0, true);
    child.kill("SIGINT");
    await child.exited;
    await eventually(async () => dialling(), 0);
  });

  test("the docker client comes in by our dial-stdio", async () => {
    const docker = (args: string[], stdin?: Uint8Array) =>
      run(DOCKER!, ["-H", "ssh://far", ...args], stdin === undefined ? {} : { stdin });
    expect((await docker(["ps", "-q", "--no-trunc"])).stdout).toBe(`${container}\n`);
    expect((await docker(["exec", "-i", container, "md5sum"], LARGE)).stdout).toBe(`${LARGE_SUM}  -\n`);
  });
});
