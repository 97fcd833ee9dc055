// What goes into and comes out of containers: logs, attach, exec, cp, diff; driven by the real client.
import { describe, expect, test } from "bun:test";
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AGAINST_DOCKER, DOCKER, IMAGE } from "../support/engine.ts";
import { demultiplex, hijack } from "../support/hijack.ts";
import { useEngine } from "../support/suite.ts";

const { docker, dockerResult, inspect, eventually, engine } = useEngine();

const runScript = (script: string, ...options: string[]) =>
  docker("run", "-d", ...options, IMAGE, "sh", "-c", script);

async function ended(script: string, ...options: string[]): Promise<string> {
  const id = await runScript(script, ...options);
  await docker("wait", id);
  return id;
}

describe("logs", () => {
  test("both streams come back, byte for byte", async () => {
    const id = await ended("printf 'no newline'; echo err >&2");
    expect(await dockerResult(["logs", id])).toEqual({ code: 0, stdout: "no newline", stderr: "err\n" });
    await docker("rm", id);
  });

  test("--tail, -t, --since and --until", async () => {
    const id = await ended("for i in 1 2 3; do echo line $i; done; sleep 1.2; echo late");
    expect(await docker("logs", "--tail", "2", id)).toBe("line 3\nlate");
    expect(await docker("logs", "--tail", "0", id)).toBe("");
    const stamped = (await docker("logs", "-t", id)).split("\n");
    expect(stamped[0]).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z line 1$/);
    const lastTime = stamped.at(-1)!.split(" ")[0]!;
    expect(await docker("logs", "--since", lastTime, id)).toBe("late");
    expect(await docker("logs", "--until", stamped[2]!.split(" ")[0]!, id)).toContain("line 2");
    expect(await docker("logs", "--until", stamped[2]!.split(" ")[0]!, id)).not.toContain("late");
    await docker("rm", id);
  });

  test("-f follows until the end", async () => {
    const id = await runScript("for i in 1 2 3 4 5; do echo $i; sleep 0.1; done");
    expect(await docker("logs", "-f", id)).toBe("1\n2\n3\n4\n5");
    await docker("rm", id);
  });

  // Docker's json-file replaces what is not UTF-8.
  test.skipIf(AGAINST_DOCKER)("every byte of a binary stream survives", async () => {
    const id = await ended("head -c 100000 /bin/busybox");
    const result = Bun.spawn([DOCKER!, "logs", id], {
      env: { ...process.env, DOCKER_HOST: engine().host },
      stdout: "pipe",
    });
    const bytes = new Uint8Array(await new Response(result.stdout).arrayBuffer());
    const expected = readFileSync(Bun.which("busybox")!).subarray(0, 100000);
    expect(Bun.hash(bytes)).toBe(Bun.hash(new Uint8Array(expected)));
    await docker("rm", id);
  });

  test("max-size and max-file bound the log, and what is kept is whole", async () => {
    const id = await ended(
      "i=0; while [ $i -lt 3000 ]; do echo line $i of a log that is rotated; i=$((i+1)); done",
      "--log-driver",
      "json-file",
      "--log-opt",
      "max-size=20k",
      "--log-opt",
      "max-file=2",
    );
    const lines = (await docker("logs", id)).split("\n");
    expect(lines.at(-1)).toBe("line 2999 of a log that is rotated");
    expect(lines.length).toBeLessThan(3000);
    const first = Number(/^line (\d+)/.exec(lines[0]!)?.[1]);
    expect(lines).toEqual(
      Array.from({ length: 3000 - first }, (_, index) => `line ${first + index} of a log that is rotated`),
    );
    await docker("rm", id);
  });

  test("log drivers: none can't be read, an unknown one is refused", async () => {
    const id = await ended("echo gone", "--log-driver", "none");
    expect((await dockerResult(["logs", id])).stderr).toContain(
      "configured logging driver does not support reading",
    );
    await docker("rm", id);
    const unknown = await dockerResult(["create", "--log-driver", "papyrus", IMAGE]);
    expect(unknown.stderr).toContain("papyrus");
  });
});

describe("attach", () => {
  test("a container's output and input, and its exit code", async () => {
    const id = await docker("create", "-i", IMAGE, "sh", "-c", "read x; echo got $x; exit 6");
    const result = await dockerResult(["start", "-ai", id], { stdin: "a word\n" });
    expect(result).toMatchObject({ code: 6, stdout: "got a word\n" });
    await docker("rm", id);
  });

  test("run -i carries 64 MB there and back", async () => {
    const bytes = new Uint8Array(64 << 20);
    for (let index = 0; index < bytes.length; index += 4096) bytes[index] = index >> 12;
    const child = Bun.spawn([DOCKER!, "run", "--rm", "-i", IMAGE, "cat"], {
      env: { ...process.env, DOCKER_HOST: engine().host },
      stdin: bytes,
      stdout: "pipe",
    });
    const hash = new Bun.CryptoHasher("sha256");
    for await (const chunk of child.stdout) hash.update(chunk);
    expect(await child.exited).toBe(0);
    expect(hash.digest("hex")).toBe(new Bun.CryptoHasher("sha256").update(bytes).digest("hex"));
  });

  test("a terminal: size, raw output, detach keys", async () => {
    const env = { ...process.env, DOCKER_HOST: engine().host } as Record<string, string>;
    let seen = "";
    const child = Bun.spawn([DOCKER!, "run", "-it", "--name", "streams-tty", IMAGE, "sh"], {
      env,
      terminal: {
        cols: 100,
        rows: 30,
        data: (_terminal, data) => {
          seen += new TextDecoder().decode(data);
        },
      },
    });
    await eventually(async () => seen.includes("#"), true);
    child.terminal!.write("stty size; tty\n");
    await eventually(async () => /30 100\r\n\/dev\/(pts\/0|console)\r\n/.test(seen), true);
    child.terminal!.write("\x10\x11");
    await child.exited;
    expect(await inspect("streams-tty", "{{.State.Running}}")).toBe("true");
    await docker("rm", "-f", "streams-tty");
  });
});

describe("exec", () => {
  test("output, exit code, environment, user and working directory", async () => {
    const id = await docker("run", "-d", "-e", "BASE=1", IMAGE, "sleep", "100");
    const script = "echo $BASE $X; id -u; pwd; echo err >&2; exit 9";
    expect(
      await dockerResult(["exec", "-e", "X=2", "-u", "33", "-w", "/tmp", id, "sh", "-c", script]),
    ).toEqual({
      code: 9,
      stdout: "1 2\n33\n/tmp\n",
      stderr: "err\n",
    });
    // Its streams can be opened by name, as scripts do.
    const byName = "echo out >/dev/stdout; echo err >/dev/stderr; cat /dev/stdin";
    expect(await dockerResult(["exec", "-i", id, "sh", "-c", byName], { stdin: "in\n" })).toEqual({
      code: 0,
      stdout: "out\nin\n",
      stderr: "err\n",
    });
    const missing = await dockerResult(["exec", id, "no-such-command"]);
    expect(missing.code).toBe(AGAINST_DOCKER ? 126 : 127);
    await docker("rm", "-f", id);
  });

  test("stdin and half-close", async () => {
    const id = await docker("run", "-d", IMAGE, "sleep", "100");
    const result = await dockerResult(["exec", "-i", id, "wc", "-c"], { stdin: "y".repeat(5_000_000) });
    expect(result).toMatchObject({ code: 0, stdout: "5000000\n" });
    await docker("rm", "-f", id);
  });

  test("-d runs in the background, -t gives a terminal", async () => {
    const id = await docker("run", "-d", IMAGE, "sleep", "100");
    await docker("exec", "-d", id, "sh", "-c", "echo there > /made");
    await eventually(async () => (await dockerResult(["exec", id, "cat", "/made"])).stdout, "there\n");
    const child = Bun.spawn([DOCKER!, "exec", "-t", id, "tty"], {
      env: { ...process.env, DOCKER_HOST: engine().host } as Record<string, string>,
      stdin: "ignore",
      stdout: "pipe",
    });
    expect(await new Response(child.stdout).text()).toMatch(/^\/dev\/(pts\/\d|console)\r\n$/);
    await docker("rm", "-f", id);
  });

  test("a terminal tells its size and every line end once, and takes what nobody reads", async () => {
    const id = await docker("run", "-d", IMAGE, "sleep", "100");
    const printed = await dockerResult(["exec", "-t", id, "sh", "-c", "seq 1 20000; exit 7"]);
    expect(printed.code).toBe(7);
    expect(printed.stdout.split("\r\n")).toEqual([
      ...Array.from({ length: 20000 }, (_, i) => `${i + 1}`),
      "",
    ]);
    expect(printed.stdout).not.toContain("\r\r");
    await docker(
      "exec",
      "-dt",
      id,
      "sh",
      "-c",
      "trap 'echo hup > /hup' HUP; tty > /tty; sleep 1 & wait; seq 1 20000; touch /end",
    );
    await eventually(async () => (await dockerResult(["exec", id, "ls", "/end"])).code, 0);
    expect(await docker("exec", id, "cat", "/tty")).toMatch(/^\/dev\/(pts\/\d|console)$/);
    expect((await dockerResult(["exec", id, "ls", "/hup"])).code).toBe(1);
    await docker("rm", "-f", id);
  });

  test("a terminal whose process does not read what is typed holds up nobody", async () => {
    const id = await docker("run", "-d", IMAGE, "sleep", "100");
    const { Id } = (await (
      await engine().api("POST", `/containers/${id}/exec`, {
        AttachStdin: true,
        AttachStdout: true,
        Tty: true,
        Cmd: ["sleep", "100"],
      })
    ).json()) as { Id: string };
    using client = await hijack(engine().socket, `/exec/${Id}/start`, { Tty: true });
    expect(client.status).toBe(101);
    client.write("typed\n".repeat(50_000));
    expect(await docker("exec", id, "echo", "alive")).toBe("alive");
    await docker("rm", "-f", id);
  });

  test.each([
    // Docker 20.10 makes 126 of both.
    ["no-such-command", AGAINST_DOCKER ? 126 : 127, "executable file not found in $PATH"],
    ["/no/such", AGAINST_DOCKER ? 126 : 127, "no such file or directory"],
    ["/etc", 126, "permission denied"],
  ])("%s cannot be run: said in the output, and by the exit code", async (command, code, words) => {
    const id = await docker("run", "-d", IMAGE, "sleep", "100");
    for (const terminal of [false, true]) {
      const result = await dockerResult(["exec", ...(terminal ? ["-t"] : []), id, command]);
      expect({ ...result, terminal }).toMatchObject({ code, stderr: "" });
      expect(result.stdout).toStartWith("OCI runtime exec failed: exec failed: ");
      expect(result.stdout).toContain(words);
      expect(result.stdout).toEndWith(": unknown\r\n");

      const create = { AttachStdout: true, AttachStderr: true, Tty: terminal, Cmd: [command] };
      const answer = await engine().api("POST", `/v1.41/containers/${id}/exec`, create);
      const { Id } = (await answer.json()) as { Id: string };
      using client = await hijack(engine().socket, `/v1.41/exec/${Id}/start`, { Tty: terminal });
      expect(client.status).toBe(101);
      expect(client.headers.get("content-type")).toBe("application/vnd.docker.raw-stream");
      const said = terminal ? { stdout: `${await client.rest}`, stderr: "" } : demultiplex(await client.rest);
      expect(said).toEqual({ stdout: result.stdout, stderr: "" });
      const inspected = await (await engine().api("GET", `/v1.41/exec/${Id}/json`)).json();
      expect(inspected).toMatchObject({ Running: false, ExitCode: code, Pid: 0 });

      const plain = await engine().api("POST", `/v1.41/containers/${id}/exec`, create);
      const { Id: plainId } = (await plain.json()) as { Id: string };
      const started = await engine().api("POST", `/v1.41/exec/${plainId}/start`, { Tty: terminal });
      expect(started.status).toBe(200);
      expect(await started.text()).toContain(words);
    }
    const detached = await dockerResult(["exec", "-d", id, command]);
    expect(detached.code).toBe(1);
    expect(detached.stderr).toContain(words);
    await docker("rm", "-f", id);
  });

  test("a container that does not run refuses", async () => {
    const id = await docker("create", IMAGE, "true");
    const result = await dockerResult(["exec", id, "true"]);
    expect(result.code).toBe(1);
    expect(result.stderr).toContain(`is not running`);
    await docker("rm", id);
  });
});

describe("cp", () => {
  test("a file in and out, stopped and running", async () => {
    const directory = mkdtempSync(join(tmpdir(), "berth-cp-"));
    writeFileSync(join(directory, "in"), "content", { mode: 0o640 });
    for (const command of [
      ["create", IMAGE, "sleep", "100"],
      ["run", "-d", IMAGE, "sleep", "100"],
    ]) {
      const id = await docker(...command);
      await docker("cp", join(directory, "in"), `${id}:/tmp/renamed`);
      await docker("cp", `${id}:/tmp/renamed`, join(directory, "out"));
      expect(readFileSync(join(directory, "out"), "utf8")).toBe("content");
      expect(statSync(join(directory, "out")).mode & 0o777).toBe(0o640);
      await docker("rm", "-f", id);
    }
    rmSync(directory, { recursive: true });
  });

  test("directories, links, and the difference that `/.` makes", async () => {
    const directory = mkdtempSync(join(tmpdir(), "berth-cp-"));
    mkdirSync(join(directory, "tree/sub"), { recursive: true });
    writeFileSync(join(directory, "tree/sub/file"), "deep");
    symlinkSync("sub/file", join(directory, "tree/link"));
    const id = await docker("create", IMAGE);
    await docker("cp", join(directory, "tree"), `${id}:/tmp`);
    await docker("cp", `${join(directory, "tree")}/.`, `${id}:/home`);
    await docker("cp", `${id}:/tmp/tree`, join(directory, "back"));
    expect(readlinkSync(join(directory, "back/link"))).toBe("sub/file");
    expect(readFileSync(join(directory, "back/sub/file"), "utf8")).toBe("deep");
    await docker("cp", `${id}:/home/sub/file`, join(directory, "direct"));
    expect(readFileSync(join(directory, "direct"), "utf8")).toBe("deep");
    await docker("rm", id);
    rmSync(directory, { recursive: true });
  });

  test("a path that is not there, and one out of the container", async () => {
    const id = await docker("create", IMAGE);
    const missing = await dockerResult(["cp", `${id}:/not/there`, "/tmp/berth-never"]);
    expect(missing.code).toBe(1);
    expect(missing.stderr).toContain("Could not find the file /not/there in container");
    const out = await docker("cp", `${id}:/../../etc/passwd`, "-");
    expect(out).toContain("www-data:x:33:33:www-data:/www");
    await docker("rm", id);
  });

  test("volumes are seen, and a read-only root is refused", async () => {
    const directory = mkdtempSync(join(tmpdir(), "berth-cp-"));
    writeFileSync(join(directory, "file"), "x");
    const id = await docker("create", "--read-only", "-v", "streams-cp:/data", IMAGE);
    const refused = await dockerResult(["cp", join(directory, "file"), `${id}:/tmp/x`]);
    expect(refused.stderr).toContain("container rootfs is marked read-only");
    await docker("cp", join(directory, "file"), `${id}:/data/file`);
    expect(await docker("run", "--rm", "-v", "streams-cp:/data", IMAGE, "cat", "/data/file")).toBe("x");
    await docker("rm", id);
    await docker("volume", "rm", "streams-cp");
    rmSync(directory, { recursive: true });
  });
});

describe("diff and export", () => {
  test("diff lists what was added, changed and deleted", async () => {
    const id = await ended("echo x > /etc/passwd; rm /etc/group; mkdir /new; touch /new/file");
    const changes = (await docker("diff", id)).split("\n").sort();
    expect(changes).toEqual(["A /new", "A /new/file", "C /etc", "C /etc/passwd", "D /etc/group"]);
    await docker("rm", id);
  });

  test("export is a tar of the container's files", async () => {
    const directory = mkdtempSync(join(tmpdir(), "berth-export-"));
    const id = await ended("echo exported > /marker");
    await docker("export", "-o", join(directory, "x.tar"), id);
    const listed = Bun.spawnSync(["tar", "-xOf", join(directory, "x.tar"), "marker"]);
    expect(listed.stdout.toString()).toBe("exported\n");
    await docker("rm", id);
    rmSync(directory, { recursive: true });
  });
});

describe("over the API", () => {
  test("attach over a WebSocket", async () => {
    const id = await docker("run", "-di", IMAGE, "cat");
    const socket = new WebSocket(
      `ws+unix://${engine().socket}:/v1.41/containers/${id}/attach/ws?stream=1&stdin=1&stdout=1`,
    );
    socket.binaryType = "arraybuffer";
    let received = "";
    socket.onmessage = (event) => {
      received +=
        typeof event.data === "string" ? event.data : new TextDecoder().decode(event.data as ArrayBuffer);
    };
    await new Promise((resolve, reject) => {
      socket.onopen = resolve;
      socket.onerror = reject;
    });
    socket.send("over a socket\n");
    await eventually(async () => received, "over a socket\n");
    socket.close();
    await docker("rm", "-f", id);
  });

  test("wait answers when a container is removed", async () => {
    const id = await docker("create", IMAGE, "true");
    const waiting = engine().api("POST", `/v1.41/containers/${id}/wait?condition=removed`);
    await Bun.sleep(100);
    await docker("rm", id);
    expect(await (await waiting).json()).toMatchObject({ StatusCode: 0 });
  });
});
