// Where the daemon listens: several addresses at once, the group of a socket, sockets of systemd, plain TCP, and what a
// browser could be made to send there.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { busyboxRootTar } from "../../scripts/lib/base-image.ts";
import { EXECUTABLE } from "../../scripts/lib/shell.ts";
import { IMAGE, runCommand, startEngine, type TestEngine } from "../support/engine.ts";
import { bePatient, eventually } from "../support/suite.ts";

bePatient();

function freePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = listener;
  listener.stop(true);
  return port;
}

async function statusAt(address: string | { unix: string }, headers: Record<string, string> = {}) {
  const url = typeof address === "string" ? `http://${address}/_ping` : "http://localhost/_ping";
  const where = typeof address === "string" ? {} : address;
  return (await fetch(url, { ...where, headers, keepalive: false })).status;
}

describe("addresses", () => {
  test("several at once, of both kinds; a socket has its group; none outlives the daemon", async () => {
    const folder = mkdtempSync(join(tmpdir(), "berth-listening-"));
    const [first, second] = [freePort(), freePort()];
    const socket = join(folder, "second.sock");
    try {
      const engine = await startEngine({
        withoutImage: true,
        args: [
          ...["-H", `tcp://127.0.0.1:${first}`, "-H", `tcp://127.0.0.1:${second}`, "-H", `unix://${socket}`],
          ...["--group", "daemon"],
        ],
      });
      {
        await using _ = engine;
        for (const address of [`127.0.0.1:${first}`, `127.0.0.1:${second}`]) {
          expect(await statusAt(address)).toBe(200);
        }
        const gid = Number(/^daemon:[^:]*:(\d+):/m.exec(readFileSync("/etc/group", "utf8"))![1]);
        for (const path of [engine.socket, socket]) {
          expect(await statusAt({ unix: path })).toBe(200);
          const { mode, uid, gid: owner } = statSync(path);
          expect([mode & 0o777, uid, owner]).toEqual([0o660, 0, gid]);
        }
        // A member may, another may not.
        const ask = (groups: string) =>
          runCommand(
            [
              "setpriv",
              "--reuid=65534",
              "--regid=65534",
              `--groups=${groups}`,
              "curl",
              "-sS",
              "-m",
              "10",
            ].concat(["--unix-socket", socket, "http://x/_ping"]),
          );
        // The folder of the test is the test's; the socket decides.
        await runCommand(["chmod", "755", folder]);
        expect(await ask(String(gid))).toMatchObject({ code: 0, stdout: "OK" });
        expect(await ask("65534")).toMatchObject({ code: 7, stdout: "" });
      }
      expect(readdirSync(folder)).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("by itself the engine listens on its socket alone, and no container finds it", async () => {
    await using engine = await startEngine();
    const id = (await engine.berth(["run", "-d", IMAGE, "sleep", "1000"])).stdout.trim();
    expect(await listeningPorts(engine.pid)).toEqual([]);
    const { stdout: unix } = await runCommand(["ss", "-Hlxp"]);
    const own = unix.split("\n").filter((line) => line.includes(`pid=${engine.pid},`));
    expect(own.map((line) => line.split(/\s+/)[4])).toEqual([engine.socket]);
    // Neither on the host's addresses, nor as a file, nor by a name without a file.
    const look =
      "ls /var/run/*.sock /run/*.sock 2>/dev/null; for p in 2375 2376; do nc -z -w 1 $0 $p && echo $p; done; cat /proc/net/unix";
    const inspected = await engine.berth(["inspect", "-f", "{{.NetworkSettings.Gateway}}", id]);
    expect(inspected.stdout).toMatch(/^\d+\.\d+\.\d+\.\d+\n$/);
    const seen = await engine.berth(["exec", id, "sh", "-c", look, inspected.stdout.trim()]);
    expect(seen.stdout.trim().split("\n").length).toBe(1);
    const onHost = [
      "run",
      "--rm",
      "--network",
      "host",
      IMAGE,
      "sh",
      "-c",
      `ls ${engine.socket}; grep -c '@' /proc/net/unix`,
    ];
    expect((await engine.berth(onHost)).stderr).toContain("No such file or directory");
  });

  test("a group that is none, and an address that is another's, are told", async () => {
    const start = (...args: string[]) => startEngine({ withoutImage: true, args });
    await expect(start("--group", "nonesuch")).rejects.toThrow("group nonesuch not found");
    await using engine = await start();
    await expect(start("-H", engine.host)).rejects.toThrow("another process is listening there");
  });

  test("plain TCP for others than this host is refused, unless insisted on", async () => {
    const port = freePort();
    const hosts = ["-H", `tcp://0.0.0.0:${port}`];
    const start = (...args: string[]) => startEngine({ withoutImage: true, args: [...hosts, ...args] });
    await expect(start()).rejects.toThrow(`refusing to listen on tcp://0.0.0.0:${port}`);
    await using engine = await start("--tls=false");
    expect(await statusAt(`127.0.0.1:${port}`)).toBe(200);
    expect(engine.log()).toContain("everybody who can open this address is root on this host: it has no TLS");
  });
});

describe("a browser", () => {
  let port: number;
  let engine: TestEngine;

  beforeAll(async () => {
    port = freePort();
    engine = await startEngine({ args: ["-H", `tcp://127.0.0.1:${port}`] });
  });
  afterAll(() => engine[Symbol.asyncDispose]());

  /** What a page can send without asking first: a "simple request" of the Fetch standard. */
  const post = (path: string, type: string, headers: Record<string, string>, body = "{}") =>
    fetch(`http://127.0.0.1:${port}${path}`, {
      method: "POST",
      body,
      headers: { "Content-Type": type, ...headers },
      keepalive: false,
    });
  const create = JSON.stringify({ Image: IMAGE, HostConfig: { Binds: ["/:/host"] } });
  const names = async () =>
    ((await (await engine.api("GET", "/containers/json?all=1")).json()) as unknown[]).length;

  test("that speaks for a foreign page makes no container, whatever it calls its body", async () => {
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "application/json"]) {
      for (const headers of [
        { Origin: "https://evil.example" },
        { Origin: "null" },
        { Origin: "http://127.0.0.1:1" },
        { Referer: "https://evil.example/page" },
        { "Sec-Fetch-Site": "cross-site" },
      ]) {
        expect((await post("/containers/create", type, headers as never, create)).status).toBe(403);
      }
      // Whose browser says nothing at all of its page still cannot say that it sends JSON.
      if (type !== "application/json")
        expect((await post("/containers/create", type, {}, create)).status).toBe(400);
    }
    expect(await names()).toBe(0);
  });

  test("that was led here by a foreign name gets nothing, nor does a WebSocket", async () => {
    const address = `127.0.0.1:${port}`;
    for (const Host of ["evil.example", `evil.example:${port}`, "127.0.0.1.nip.example"])
      expect(await statusAt(address, { Host })).toBe(403);
    expect(await statusAt(address, { Host: `localhost:${port}` })).toBe(200);
    const head = await new Promise<string>((resolve, reject) => {
      const socket = createConnection(port, "127.0.0.1").on("error", reject);
      socket.once("data", (bytes) => {
        socket.destroy();
        resolve(bytes.toString());
      });
      socket.write(
        `GET /containers/x/attach/ws HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nOrigin: https://evil.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`,
      );
    });
    expect(head).toStartWith("HTTP/1.1 403");
  });

  test("is not what the docker client is: it says text/plain, and no page", async () => {
    const { code, stdout } = await runCommand(
      ["docker", "-H", `tcp://127.0.0.1:${port}`, "run", "--rm", "--network", "none", IMAGE, "echo", "hello"],
      { env: { DOCKER_CONFIG: join(engine.root, "config") } },
    );
    expect([code, stdout]).toEqual([0, "hello\n"]);
  });
});

interface Activation {
  /** What systemd listens on. */
  readonly sockets: (folder: string) => string[];
  /** Of them, with colons between. */
  readonly names: string;
  readonly hosts: readonly string[];
  readonly flags?: readonly string[];
}

const ACTIVATE = Bun.which("systemd-socket-activate");

describe.skipIf(ACTIVATE === null)("sockets of systemd", () => {
  /** A daemon that systemd's own tool starts with these sockets, when somebody first connects to one. */
  function activate(folder: string, options: Activation) {
    const { names, hosts, flags = [] } = options;
    const sockets = options.sockets(folder);
    const roots = ["--data-root", join(folder, "data"), "--exec-root", join(folder, "exec")];
    return Bun.spawn(
      [
        ACTIVATE!,
        ...sockets.flatMap((socket) => ["-l", socket]),
        `--fdname=${names}`,
        // It passes on no environment but what it is told to.
        ...["-E", "PATH", "-E", "HOME"],
        ...[EXECUTABLE, "daemon", ...hosts.flatMap((host) => ["-H", host]), ...flags, ...roots],
      ],
      { stdio: ["ignore", "ignore", Bun.file(join(folder, "log"))], cwd: "/" },
    );
  }

  async function withDaemon(
    options: Activation,
    work: (folder: string, log: () => string) => Promise<void>,
  ): Promise<number> {
    const folder = mkdtempSync(join(tmpdir(), "berth-activated-"));
    const daemon = activate(folder, options);
    try {
      await work(folder, () => readFileSync(join(folder, "log"), "utf8"));
      daemon.kill("SIGTERM");
      return await daemon.exited;
    } finally {
      daemon.kill("SIGKILL");
      await daemon.exited;
      rmSync(folder, { recursive: true, force: true });
    }
  }

  /** The tool listens a moment after its start. */
  const whenListening = async (work: () => Promise<number>) => {
    let status = 0;
    await eventually(async () => {
      status = await work().catch(() => 0);
      return status !== 0;
    }, true);
    return status;
  };

  test("fd:// is all of them, and the daemon listens nowhere else", async () => {
    const port = freePort();
    const code = await withDaemon(
      {
        sockets: (folder) => [join(folder, "a.sock"), `127.0.0.1:${port}`],
        names: "berth.socket:tcp",
        hosts: ["fd://"],
      },
      async (folder, log) => {
        const socket = join(folder, "a.sock");
        expect(await whenListening(() => statusAt({ unix: socket }))).toBe(200);
        expect(await statusAt(`127.0.0.1:${port}`)).toBe(200);
        // Through the door the rules of TCP hold, and streams and their ends come through.
        expect(await statusAt(`127.0.0.1:${port}`, { Host: "evil.example" })).toBe(403);
        expect(await statusAt({ unix: socket }, { Host: "evil.example" })).toBe(200);
        const events = await runCommand(
          ["docker", "-H", `unix://${socket}`, "events", "--since", "0", "--until", "0"],
          { env: { DOCKER_CONFIG: folder } },
        );
        expect(events).toEqual({ code: 0, stdout: "", stderr: "" });
        // Who asked is known, though the connection came through the door.
        await runCommand(["chmod", "666", socket]);
        await runCommand(["chmod", "755", folder]);
        const nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
        const berth = [EXECUTABLE, "-H", `unix://${socket}`];
        const imported = await runCommand([...nobody, ...berth, "import", "-", "x:1"], {
          stdin: new Uint8Array(1024),
        });
        expect(imported).toMatchObject({ code: 0, stdout: expect.stringMatching(/^sha256:/) });
        expect((await runCommand([...berth, "image", "log", "--json", "x:1"])).stdout).toContain('"nobody"');
        const pid = Number(/pid=(\d+)/.exec(log())![1]);
        expect(await listeningPorts(pid)).toEqual([port]);
      },
    );
    expect(code).toBe(0);
  });

  test("streams come through with their ends: plain on the Unix socket, by TLS on that of TCP", async () => {
    const port = freePort();
    const certificates = join(mkdtempSync(join(tmpdir(), "berth-activated-")), "tls");
    const make = ["daemon", "tls", "init", "--dir", certificates, "--host", "localhost"];
    expect((await runCommand([EXECUTABLE, ...make])).code).toBe(0);
    const file = (name: string) => join(certificates, name);
    const tls = ["--tlsverify", "--tlscacert", file("ca.pem"), "--tlscert", file("server-cert.pem")];
    try {
      await withDaemon(
        {
          // Not for loopback alone: TLS is enough.
          sockets: (folder) => [join(folder, "a.sock"), `0.0.0.0:${port}`],
          names: "unix:tcp",
          hosts: [],
          flags: [...tls, "--tlskey", file("server-key.pem")],
        },
        async (folder) => {
          const socket = join(folder, "a.sock");
          expect(await whenListening(() => statusAt({ unix: socket }))).toBe(200);
          const env = { DOCKER_CONFIG: folder, DOCKER_CERT_PATH: join(certificates, "client") };
          const image = ["-H", `unix://${socket}`, "import", "-", IMAGE];
          await runCommand([EXECUTABLE, ...image], { env, stdin: await busyboxRootTar() });
          const script = "wc -c; echo to stderr >&2; exit 3";
          const run = ["run", "--rm", "-i", "--network", "none", IMAGE, "sh", "-c", script];
          for (const program of [EXECUTABLE, "docker"]) {
            for (const host of [
              ["-H", `unix://${socket}`],
              ["--tlsverify", "-H", `tcp://localhost:${port}`],
            ]) {
              const result = await runCommand([program, ...host, ...run], {
                env,
                stdin: "x".repeat(3 << 20),
              });
              expect(result, [program, ...host].join(" ")).toEqual({
                ...{ code: 3, stdout: `${3 << 20}\n`, stderr: "to stderr\n" },
              });
            }
          }
          const plain = await fetch(`http://localhost:${port}/_ping`);
          expect(await plain.text()).toBe("Client sent an HTTP request to an HTTPS server.\n");
        },
      );
    } finally {
      rmSync(join(certificates, ".."), { recursive: true });
    }
  });

  test("without a word about addresses they are what is listened on", async () => {
    await withDaemon(
      { sockets: (folder) => [join(folder, "a.sock")], names: "only", hosts: [] },
      async (folder) => {
        expect(await whenListening(() => statusAt({ unix: join(folder, "a.sock") }))).toBe(200);
      },
    );
  });

  test("an address of the configuration where systemd listens already is that socket", async () => {
    const path = join(mkdtempSync(join(tmpdir(), "berth-activated-")), "a.sock");
    try {
      await withDaemon({ sockets: () => [path], names: "only", hosts: [`unix://${path}`] }, async () => {
        expect(await whenListening(() => statusAt({ unix: path }))).toBe(200);
      });
    } finally {
      rmSync(join(path, ".."), { recursive: true });
    }
  });

  test("one is chosen by its name or its number", async () => {
    for (const host of ["fd://second", "fd://4"]) {
      await withDaemon(
        {
          sockets: (folder) => [join(folder, "a.sock"), join(folder, "b.sock")],
          names: "first:second",
          hosts: [host],
        },
        async (folder) => {
          expect(await whenListening(() => statusAt({ unix: join(folder, "b.sock") }))).toBe(200);
        },
      );
    }
  });

  test("what is not passed on is told, and so is plain TCP for others", async () => {
    const refusal = async (sockets: (folder: string) => string[], host: string) => {
      let said = "";
      await withDaemon({ sockets, names: "only", hosts: [host] }, async (folder, log) => {
        const [socket] = sockets(folder);
        const where = socket!.startsWith("/") ? { unix: socket! } : `127.0.0.1:${socket!.split(":")[1]}`;
        await eventually(async () => {
          await Promise.race([statusAt(where).catch(() => 0), Bun.sleep(200)]);
          return log().includes("failed to start daemon");
        }, true);
        said = log();
      });
      return said;
    };
    const unix = (folder: string) => [join(folder, "a.sock")];
    expect(await refusal(unix, "fd://other")).toContain(
      'systemd passes on no socket called "other", but "only"',
    );
    expect(await refusal(unix, "fd://9")).toContain("too few socket activated files passed in by systemd");
    const port = freePort();
    expect(await refusal(() => [`0.0.0.0:${port}`], "fd://")).toContain("refusing to listen on fd://");
  });
});

/** Ports of TCP that a process listens on. */
async function listeningPorts(pid: number): Promise<number[]> {
  const { stdout } = await runCommand(["ss", "-Hltnp"]);
  return stdout
    .split("\n")
    .filter((line) => line.includes(`pid=${pid},`))
    .map((line) => Number(/:(\d+)\s/.exec(line)![1]));
}
