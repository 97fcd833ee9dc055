// Images and archives that somebody hostile has made, given to a whole engine. What unpacking alone must withstand is
// tried beside the code (src/lib/tar, src/linux/archive, src/images).
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { busyboxRootTar } from "../../scripts/lib/base-image.ts";
import { encodeHeader, padding, TAR_END, type TarHeaderInput } from "../../src/lib/index.ts";
import { IMAGE } from "../support/engine.ts";
import { useEngine } from "../support/suite.ts";

// A machine may be busy; none of these is about time.
setDefaultTimeout(60_000);
const { docker, dockerResult, engine } = useEngine();

const root = busyboxRootTar();

/** The small image with entries more, and what its configuration says. */
async function imageOf(name: string, entries: Uint8Array[], changes: string[] = []): Promise<void> {
  // Without its end mark a tar can be gone on with.
  const base = Buffer.from(await root);
  let end = base.length;
  while (base.subarray(end - 512, end).every((byte) => byte === 0)) end -= 512;
  const stdin = Buffer.concat([base.subarray(0, end), ...entries, TAR_END]);
  const options = changes.flatMap((change) => ["-c", change]);
  expect(await dockerResult(["import", ...options, "-", name], { stdin })).toMatchObject({
    code: 0,
    stderr: "",
  });
}

const entry = (header: TarHeaderInput, data = ""): Uint8Array =>
  Buffer.concat([
    encodeHeader({ mode: 0o755, size: data.length, ...header }),
    Buffer.from(data),
    padding(data.length),
  ]);
const link = (name: string, linkName: string) => entry({ name, kind: "symlink", linkName });

async function put(
  id: string,
  body: Uint8Array<ArrayBuffer> | ReadableStream,
  path = "/www",
): Promise<{ status: number; message: string }> {
  const response = await fetch(`http://d/containers/${id}/archive?path=${path}`, {
    unix: engine().socket,
    method: "PUT",
    body,
    signal: AbortSignal.timeout(30_000),
  });
  const text = await response.text();
  return {
    status: response.status,
    message: text === "" ? "" : (JSON.parse(text) as { message: string }).message,
  };
}

const memory = () =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${engine().pid}/status`, "utf8"))?.[1]) * 1024;

describe("an image's configuration", () => {
  test("a user that does not fit or is called by digits is nobody, least of all root (CVE-2024-40635, CVE-2026-46680)", async () => {
    const passwd = "root:x:0:0::/:\n1234:x:0:0::/:\n007:x:0:0::/:\n";
    const file = entry({ name: "etc/passwd", kind: "file", mode: 0o644 }, passwd);
    for (const user of [
      "2147483648",
      "4294967296",
      "65536:4294967296",
      "007",
      "1234",
      "-1",
      "0x0",
      "root:4294967296",
    ]) {
      await imageOf("attack:user", [file], [`USER ${user}`]);
      const run = await dockerResult(["run", "--rm", "attack:user", "id", "-u"]);
      expect({ user, ran: run.code === 0, stdout: run.stdout }).toEqual({ user, ran: false, stdout: "" });
      const id = await docker("run", "-d", "-u", "0", "attack:user", "sleep", "100");
      const exec = await dockerResult(["exec", "-u", user, id, "sh", "-c", "echo uid $(id -u)"]);
      expect({ user, ran: exec.code === 0 || /^uid \d+$/m.test(exec.stdout) }).toEqual({ user, ran: false });
      await docker("rm", "-f", id);
    }
    await docker("rmi", "-f", "attack:user");
  });

  test("a volume at a link to the host, or with .. in its path, gets nothing of the host's (CVE-2022-23648)", async () => {
    const trap = mkdtempSync(join(tmpdir(), "berth-canary-"));
    writeFileSync(join(trap, "secret"), "of the host");
    try {
      const links = [
        link("absolute", trap),
        link("climbing", `../../../../../../..${trap}`),
        link("proc2", "/proc/1/root"),
      ];
      for (const place of [
        "/absolute",
        "/climbing",
        `/x/../../../../../..${trap}`,
        "/absolute/../absolute",
      ]) {
        await imageOf("attack:volume", links, [`VOLUME ${place}`]);
        const run = await dockerResult([
          "run",
          "--rm",
          "attack:volume",
          "find",
          "/absolute/",
          "/climbing/",
          trap,
          "-name",
          "secret",
        ]);
        expect({ place, found: run.stdout }).toEqual({ place, found: "" });
      }
      for (const place of ["/proc", "/proc/self", "/sys/fs", "/"]) {
        await imageOf("attack:volume", links, [`VOLUME ${place}`]);
        expect((await dockerResult(["run", "--rm", "attack:volume", "true"])).code).not.toBe(0);
      }
      expect(readdirSync(trap)).toEqual(["secret"]);
      await docker("rmi", "-f", "attack:volume");
    } finally {
      rmSync(trap, { recursive: true });
    }
  });

  test("labels, variables and commands are only text, whatever is in them", async () => {
    const nasty = 'a\\x1b[2Jb";$(touch /pwned)\\n{{.}}';
    await imageOf(
      "attack:text",
      [],
      [
        `LABEL ${JSON.stringify(nasty)}=${JSON.stringify(nasty)} __proto__=p constructor=c`,
        "ENV __proto__=e",
      ],
    );
    const labels = JSON.parse(
      await docker("inspect", "-f", "{{json .Config.Labels}}", "attack:text"),
    ) as object;
    expect(Object.keys(labels).sort()).toEqual(["__proto__", nasty, "constructor"].sort());
    const id = await docker("create", "attack:text", "true");
    expect(JSON.parse(await docker("inspect", "-f", "{{json .Config.Labels}}", id))).toEqual(labels);
    expect(await docker("ps", "-aq", "--no-trunc", "--filter", "label=__proto__=p")).toBe(id);
    expect(await docker("run", "--rm", "attack:text", "sh", "-c", "echo $__proto__")).toBe("e");
    await docker("rm", id);
    await docker("rmi", "attack:text");
  });
});

describe("archives that grow, or never end", () => {
  const big = (size: number) => encodeHeader({ name: "big", kind: "file", mode: 0o644, size });

  test("a small archive of much nothing costs the engine no memory", async () => {
    const bomb = gzipSync(Buffer.concat([big(200 << 20), Buffer.alloc(200 << 20), TAR_END]));
    expect(bomb.length).toBeLessThan(1 << 20);
    const id = await docker("create", IMAGE);
    const before = memory();
    expect(await put(id, bomb)).toEqual({ status: 200, message: "" });
    expect(memory() - before).toBeLessThan(96 << 20);
    await docker("rm", id);
  });

  test("a file of a petabyte of holes, and of what is not sent, is an error", async () => {
    const id = await docker("create", IMAGE);
    const sparse: TarHeaderInput = {
      name: "s",
      kind: "file",
      mode: 0o644,
      size: 2 ** 50,
      segments: [{ offset: 0, length: 1 }],
    };
    const holes = Buffer.concat([encodeHeader(sparse), Buffer.from("x"), padding(1), TAR_END]);
    expect((await put(id, holes)).status).toBeGreaterThanOrEqual(400);
    expect((await put(id, Buffer.concat([big(2 ** 40), Buffer.alloc(1024)]))).message).toContain(
      "unexpected EOF",
    );
    expect((await dockerResult(["import", "-", "attack:holes"], { stdin: holes })).code).not.toBe(0);
    await docker("rm", id);
  });

  test("zeros, names and extensions without end are refused while they come", async () => {
    const id = await docker("create", IMAGE);
    const endless = (make: (round: number) => Uint8Array) => {
      let round = 0;
      return new ReadableStream<Uint8Array>({
        pull(controller) {
          // A bound of the test's own: far beyond the engine's.
          if (round++ > 400) controller.close();
          else controller.enqueue(make(round));
        },
      });
    };
    const zeros = await put(
      id,
      endless(() => Buffer.alloc(1 << 20)),
    );
    expect(zeros).toEqual({ status: 400, message: expect.stringContaining("goes on long after its end") });
    const extension = (round: number) =>
      entry({ name: `g${round}`, kind: "global" as never }, "")
        .subarray(0, 512)
        .fill(0x30, 0, 1);
    expect((await put(id, endless(extension))).status).toBe(400);
    expect(await (await engine().api("GET", "/_ping")).text()).toBe("OK");
    await docker("rm", id);
  });

  test("compressed within compressed, and compressed rubbish", async () => {
    const id = await docker("create", IMAGE);
    const inner = gzipSync(Buffer.concat([entry({ name: "f", kind: "file" }, "x"), TAR_END]));
    for (const body of [
      gzipSync(inner),
      gzipSync(Buffer.alloc(5000, "noise")),
      Buffer.from("\x1f\x8b\x08rubbish"),
    ]) {
      expect((await put(id, body)).status).toBe(400);
    }
    for (const magic of ["\xfd7zXZ\0", "BZh9", "(\xb5/\xfd"]) {
      expect((await put(id, Buffer.from(`${magic}rubbish`.padEnd(2000, "x"), "latin1"))).status).toBe(400);
    }
    await docker("rm", id);
  });

  test("many entries, names of any bytes, and devices", async () => {
    const id = await docker("run", "-d", IMAGE, "sleep", "100");
    const many = Array.from({ length: 20_000 }, (_, i) => entry({ name: `many/${i}`, kind: "file" }));
    expect(await put(id, gzipSync(Buffer.concat([...many, TAR_END])))).toEqual({ status: 200, message: "" });
    expect(await docker("exec", id, "sh", "-c", "ls /www/many | wc -l")).toBe("20000");
    const odd = Buffer.concat([
      entry({ name: "odd/x\xffy", kind: "file" }),
      entry({ name: "odd/\x1b[2J\n$(id)", kind: "file" }),
      TAR_END,
    ]);
    expect((await put(id, odd)).status).toBe(200);
    expect(await docker("exec", id, "sh", "-c", "ls /www/odd | wc -l")).not.toBe("0");
    // A device can be made, as by the container itself, and not be opened: that is for the device rules.
    const disk = entry({ name: "disk", kind: "block", mode: 0o666, major: 254, minor: 0 });
    await put(id, Buffer.concat([disk, TAR_END]));
    expect((await dockerResult(["exec", id, "head", "-c1", "/www/disk"])).code).not.toBe(0);
    await docker("rm", "-f", id);
  });
});

describe("the engine's own files", () => {
  test("are closed to other users again after each start, whatever the umask and whoever opened them (CVE-2021-41091, CVE-2024-25621)", async () => {
    const data = join(engine().root, "data");
    const inner = ["blobs", "containers", "snapshots", "volumes", "trash", "tmp"];
    const id = await docker("run", "-d", "-v", "kept:/kept", IMAGE, "sleep", "100");
    await engine().stop();
    for (const name of ["", ...inner]) chmodSync(join(data, name), 0o777);
    const before = process.umask(0);
    try {
      await engine().start();
    } finally {
      process.umask(before);
    }
    const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);
    expect(mode(data)).toBe("710");
    for (const name of inner) expect({ name, mode: mode(join(data, name)) }).toEqual({ name, mode: "700" });
    for (const name of ["containers", "exits", "runtime", "tmp"]) {
      expect({ name, mode: mode(join(engine().root, "exec", name)) }).toEqual({ name, mode: "700" });
    }
    expect(mode(join(data, "berth.db"))).toBe("600");
    expect(mode(join(data, "containers", id))).toBe("700");
    expect(mode(join(data, "containers", id, "output.log"))).toBe("600");
    expect(mode(engine().socket)).toBe("660");
    expect(await docker("run", "--rm", IMAGE, "sh", "-c", "umask; touch /f; stat -c %a /f")).toBe(
      "0022\n644",
    );
    await docker("rm", "-f", id);
    await docker("volume", "rm", "kept");
  });

  test("the socket belongs to root and the group that was named", async () => {
    mkdirSync(join(engine().root, "other"));
    const socket = join(engine().root, "other/api.sock");
    await engine().stop();
    await engine().start({ args: ["-H", `unix://${socket}`, "--group", "daemon"] });
    const { mode, uid, gid } = statSync(socket);
    expect({ mode: mode & 0o777, uid, gid }).toEqual({ mode: 0o660, uid: 0, gid: 1 });
    await engine().stop();
    await engine().start();
  });
});
