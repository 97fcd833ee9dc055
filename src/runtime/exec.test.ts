import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { isAlive } from "../linux/index.ts";
import type { CreatedContainer, ExecRequest, Runtime } from "./contract.ts";
import { RuntimeError } from "./errors.ts";
import { collect, PATIENCE_MS, RUNTIMES, RuntimeFixture } from "./testing/fixture.ts";

describe.each(RUNTIMES)("%s", (name) => {
  setDefaultTimeout(PATIENCE_MS);
  let fixture: RuntimeFixture;
  let runtime: Runtime;
  let container: CreatedContainer & { readonly id: string };
  beforeAll(async () => {
    fixture = new RuntimeFixture({ default: name });
    runtime = await fixture.runtimes.get(undefined);
    container = await fixture.run(["sleep", "100000"]);
  });
  afterAll(() => fixture[Symbol.asyncDispose]());

  const encode = (text: string) => new TextEncoder().encode(text);
  const exec = (args: string[], over?: Partial<ExecRequest>) =>
    runtime.exec(container.id, fixture.execRequest(args, over));

  async function outputOf(args: string[], over?: Partial<ExecRequest>) {
    const process = await exec(args, over);
    const output = await collect(process.output);
    return { ...output, ...(await process.exited) };
  }

  const failure = (promise: Promise<unknown>): Promise<RuntimeError> =>
    promise.then(
      () => Promise.reject(new Error("it did not fail")),
      (error) => (error instanceof RuntimeError ? error : Promise.reject(error)),
    );

  async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
    for (let attempt = 0; attempt < 1000; attempt++) {
      if (await holds()) return;
      await Bun.sleep(10);
    }
    throw new Error(`waited too long: ${what}`);
  }

  describe("exec with pipes", () => {
    test("output by stream, and the code", async () => {
      const result = await outputOf(["sh", "-c", "echo out; echo err >&2; exit 9"]);
      expect(result).toEqual({ stdout: "out\n", stderr: "err\n", code: 9 });
    });

    test("a signal is 128 and its number", async () => {
      expect((await outputOf(["sh", "-c", "kill -9 $$"])).code).toBe(137);
    });

    test("input arrives whole and ends", async () => {
      const process = await exec(["sha256sum"], { stdin: true });
      const bytes = new Uint8Array(20_000_000).map((_, index) => index % 253);
      const output = collect(process.output);
      for (let at = 0; at < bytes.length; at += 1 << 20)
        await process.input?.write(bytes.subarray(at, at + (1 << 20)));
      process.input?.end();
      const sum = new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
      expect((await output).stdout).toStartWith(sum);
      expect((await process.exited).code).toBe(0);
    });

    test("output arrives whole after half-close", async () => {
      const process = await exec(["sh", "-c", "cat; echo; head -c 3000000 /dev/zero | wc -c"], {
        stdin: true,
      });
      await process.input?.write(encode("abc"));
      process.input?.end();
      expect((await collect(process.output)).stdout).toBe("abc\n3000000\n");
    });

    test("a process that reads no more makes writes end", async () => {
      const process = await exec(["true"], { stdin: true });
      await process.exited;
      for (let count = 0; count < 8; count++) await process.input?.write(new Uint8Array(1 << 20));
      process.input?.end();
    });

    test("much output is kept back until it is read, and then is whole", async () => {
      const process = await exec(["dd", "if=/dev/zero", "bs=64k", "count=1600"]);
      await Bun.sleep(50);
      const before = memory();
      await Bun.sleep(200);
      expect(memory() - before).toBeLessThan(16 << 20);
      let bytes = 0;
      for await (const chunk of process.output) if (chunk.stream === 1) bytes += chunk.bytes.length;
      expect(bytes).toBe(1600 * 65_536);
      expect(memory() - before).toBeLessThan(64 << 20);
    });

    test("a reader who stops early leaves the process with a broken pipe", async () => {
      const process = await exec(["yes"]);
      for await (const _ of process.output) break;
      expect((await process.exited).code).toBe(141);
    });

    test("children that hold the output open do not hold up its end", async () => {
      const process = await exec(["sh", "-c", "sleep 300 & echo started; exit 4"]);
      expect((await process.exited).code).toBe(4);
      expect((await collect(process.output)).stdout).toBe("started\n");
    });

    test("unwanted streams are not read", async () => {
      expect(await outputOf(["sh", "-c", "echo a; echo b >&2"], { stdout: false })).toMatchObject({
        stdout: "",
        stderr: "b\n",
      });
    });

    test("a detached process has none, but a code", async () => {
      const process = await exec(["sh", "-c", "cat; ls -l /proc/self/fd; exit 6"], {
        detach: true,
        stdin: true,
      });
      expect(process.input).toBeUndefined();
      expect(await collect(process.output)).toEqual({ stdout: "", stderr: "" });
      expect((await process.exited).code).toBe(6);
    });

    test("it can be killed", async () => {
      const process = await exec(["sleep", "1000"]);
      expect(isAlive(process.pid)).toBe(true);
      process.kill(9);
      expect((await process.exited).code).toBe(137);
      process.kill(9);
    });

    test.each([
      [["nosuch"], 127, 'exec: "nosuch": executable file not found in $PATH'],
      [["/no/such"], 127, "no such file or directory"],
      [["/etc"], 126, "permission denied"],
    ] as const)("%p fails with %p", async (args, exitCode, words) => {
      for (const tty of [false, true]) {
        const error = await failure(exec([...args], { tty }));
        expect(error.exitCode).toBe(exitCode);
        expect(error.message).toStartWith(
          "OCI runtime exec failed: exec failed: unable to start container process: ",
        );
        expect(error.message).toContain(words);
        expect(error.message).toEndWith("unknown");
      }
    });

    test("user, groups, environment, working directory and rights are the asked ones", async () => {
      const result = await outputOf(
        ["sh", "-c", "id; pwd; env; grep -E 'Cap(Inh|Eff|Bnd)' /proc/self/status"],
        {
          user: { uid: 1000, gid: 1001, additionalGids: [1001, 7], home: "/" },
          cwd: "/tmp",
          env: ["PATH=/bin", "A=b c"],
          host: { CapDrop: ["ALL"], CapAdd: ["chown"] },
        },
      );
      expect(result.stdout).toStartWith("uid=1000 gid=1001 groups=7,1001\n/tmp\n");
      expect(result.stdout).toContain("A=b c\n");
      expect(result.stdout).toContain("CapInh:\t0000000000000000\n");
      expect(result.stdout).toContain("CapEff:\t0000000000000000\n");
      expect(result.stdout).toContain("CapBnd:\t0000000000000001\n");
    });

    test("--privileged has every right of the daemon's", async () => {
      const result = await outputOf(["grep", "CapEff", "/proc/self/status"], { privileged: true });
      expect(BigInt(`0x${result.stdout.split("\t")[1]?.trim()}`) & (1n << 21n)).not.toBe(0n);
    });

    test.each([
      "/proc/self/fd/7",
      "/proc/self/fd/../fd/8",
      "/proc/1/fd/3",
      "//proc/./self/fd/9",
      "/dev/fd/5",
      "tmp",
    ])("the working directory %p is refused", async (cwd) => {
      expect(exec(["true"], { cwd })).rejects.toThrow(/the working directory .* is invalid/);
    });

    test("only descriptors 0 to 2 reach the process", async () => {
      for (const over of [{}, { tty: true }, { stdin: true }]) {
        // The fourth is the directory that ls reads.
        const process = await exec(["sh", "-c", "ls /proc/self/fd"], over);
        process.input?.end();
        const names = (await collect(process.output)).stdout.split(/\s+/).filter(Boolean);
        expect(names).toEqual(["0", "1", "2", "3"]);
      }
    });

    test("nothing is left where it was started", async () => {
      await outputOf(["true"]);
      expect(readdirSync(join(fixture.execRoot, "tmp"))).toEqual([]);
    });
  });

  describe("exec with a terminal", () => {
    test("size, name and resizing", async () => {
      const process = await exec(["sh", "-c", "stty size; tty; read x; stty size; exit 5"], {
        tty: true,
        stdin: true,
        consoleSize: { rows: 33, columns: 101 },
      });
      const chunks = process.output[Symbol.asyncIterator]();
      let text = "";
      const read = async (wanted: string) => {
        while (!text.includes(wanted)) {
          const { value, done } = await chunks.next();
          if (done) throw new Error(`ended before ${wanted}: ${text}`);
          text += new TextDecoder().decode(value.bytes);
        }
      };
      await read("/dev/pts/");
      expect(text).toStartWith("33 101\r\n");
      process.resize(44, 102);
      await until("the size has arrived", async () => {
        return (
          (await outputOf(["sh", "-c", `stty size < /proc/${await innerPid()}/fd/0`])).stdout === "44 102\n"
        );
      });
      await process.input?.write(encode("x\r"));
      await read("44 102");
      expect((await process.exited).code).toBe(5);
      await process[Symbol.asyncDispose]();
    });

    test("what is typed is echoed once", async () => {
      const process = await exec(["sh", "-c", "read x; echo [$x]"], { tty: true, stdin: true });
      await process.input?.write(encode("word\r"));
      expect((await collect(process.output)).stdout).toBe("word\r\n[word]\r\n");
    });

    test("much output is kept back until it is read, and then is whole", async () => {
      const process = await exec(["sh", "-c", "seq 1 300000"], { tty: true });
      await Bun.sleep(50);
      const before = memory();
      await Bun.sleep(200);
      expect(memory() - before).toBeLessThan(16 << 20);
      const { stdout } = await collect(process.output);
      const lines = stdout.split("\r\n");
      expect(lines.length).toBe(300_001);
      expect(lines[299_999]).toBe("300000");
      expect((await process.exited).code).toBe(0);
    });

    test("a program finds it as any other terminal", async () => {
      const process = await exec(
        ["sh", "-c", "stty -a | grep -o ' .onlcr\\| onlcr'; stty raw; echo bare; stty sane; echo cooked"],
        { tty: true },
      );
      expect((await collect(process.output)).stdout).toBe(" onlcr\r\nbare\ncooked\r\n");
    });

    test("an abandoned one is not held up, and can be killed", async () => {
      const brief = await exec(["sh", "-c", "seq 1 20000; exit 3"], { tty: true });
      for await (const _ of brief.output) break;
      expect((await brief.exited).code).toBe(3);
      const process = await exec(["yes"], { tty: true });
      for await (const _ of process.output) break;
      await process[Symbol.asyncDispose]();
      expect(isAlive(process.pid)).toBe(true);
      process.kill(9);
      expect((await process.exited).code).toBe(137);
    });

    test("children that hold it open do not hold up its end", async () => {
      const process = await exec(["sh", "-c", "trap '' HUP; sleep 300 & echo started; exit 4"], {
        tty: true,
      });
      expect((await process.exited).code).toBe(4);
      expect((await collect(process.output)).stdout).toBe("started\r\n");
      await until("it is closed", () => heldTerminals().length === 0);
    });

    test("none leaves a descriptor", async () => {
      const descriptors = () => readdirSync("/proc/self/fd").length;
      await outputOf(["true"], { tty: true });
      const before = descriptors();
      for (let round = 0; round < 10; round++) {
        const process = await exec(["echo", "x"], { tty: true, stdin: true });
        await process.input?.write(encode("y"));
        await collect(process.output);
        await process.exited;
      }
      await until("they are closed", () => descriptors() <= before);
    });

    test("nor does one that never read what was typed", async () => {
      const descriptors = () => readdirSync("/proc/self/fd").length;
      await outputOf(["true"], { tty: true });
      const before = descriptors();
      const process = await exec(["sleep", "1000"], { tty: true, stdin: true });
      const written = process.input?.write(encode("much\n".repeat(200_000)));
      process.kill(9);
      expect((await process.exited).code).toBe(137);
      await process[Symbol.asyncDispose]();
      await written;
      await until("they are closed", () => descriptors() <= before);
    });

    test("a detached one has a terminal that this process does not hold", async () => {
      const process = await exec(["sh", "-c", "stty size > /size; sleep 1000"], {
        tty: true,
        detach: true,
        consoleSize: { rows: 33, columns: 101 },
      });
      await until(
        "it has said its size",
        async () => (await outputOf(["cat", "/size"])).stdout === "33 101\n",
      );
      expect(heldTerminals()).toEqual([]);
      process.kill(9);
      expect((await process.exited).code).toBe(137);
    });
  });

  /** The masters of terminals that are open here. */
  function heldTerminals(): string[] {
    const links = readdirSync("/proc/self/fd").map((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`);
      } catch {
        return "";
      }
    });
    return links.filter((link) => link.endsWith("/ptmx"));
  }

  /** Of the process that waits at `read`, as the container counts. */
  async function innerPid(): Promise<string> {
    const { stdout } = await outputOf([
      "sh",
      "-c",
      "ps -o pid,args | grep 'stty size; tty' | grep -v grep | head -n 1",
    ]);
    return stdout.trim().split(" ")[0] ?? "";
  }

  /** What this process holds, without what the collector has not come to yet. */
  function memory(): number {
    Bun.gc(true);
    return process.memoryUsage().rss;
  }
});
