// What berth does with volumes that Docker has no command for.
import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TestVolumePlugin } from "../../src/volumes/plugins/testing.ts";
import { IMAGE, runCommand } from "../support/engine.ts";
import { useEngine } from "../support/suite.ts";

setDefaultTimeout(60_000);

const scratch = mkdtempSync(join(tmpdir(), "berth-volumes-e2e-"));
const folder = join(scratch, "plugins");
mkdirSync(folder);
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const { engine, docker, inspect, eventually } = useEngine({ args: ["--plugin-folder", folder] });

async function berth(...args: string[]): Promise<string> {
  const result = await engine().berth(args);
  expect(result, `berth ${args.join(" ")}`).toMatchObject({ code: 0 });
  return result.stdout.replace(/\n$/, "");
}

const refusal = async (...args: string[]) => {
  const { code, stderr } = await engine().berth(args);
  expect(code, args.join(" ")).not.toBe(0);
  return stderr.trim();
};

const inVolume = (volume: string, script: string) =>
  docker("run", "--rm", "-v", `${volume}:/data`, IMAGE, "sh", "-c", script);

const FILL =
  "echo hello >/data/file; chown 33:44 /data/file; chmod 4755 /data/file; chown 7:8 /data; chmod 1770 /data";
const LOOK = "stat -c '%n %u:%g %a' /data /data/file; cat /data/file";
const FILLED = "/data 7:8 1770\n/data/file 33:44 4755\nhello";

describe("export, import, clone", () => {
  test("a volume goes out as a tar archive and comes back as it was", async () => {
    await inVolume("ex-a", FILL);
    const archive = join(scratch, "ex-a.tar");
    await berth("volume", "export", "-o", archive, "ex-a");
    const { stdout } = await runCommand(["tar", "-tvf", archive, "--numeric-owner"]);
    expect(stdout).toContain("-rwsr-xr-x 33/44");
    expect(await berth("volume", "import", "--label", "from=ex-a", "ex-b", archive)).toBe("ex-b");
    expect(await inVolume("ex-b", LOOK)).toBe(FILLED);
    expect(await docker("volume", "inspect", "-f", "{{.Labels.from}}", "ex-b")).toBe("ex-a");
    expect(await refusal("volume", "import", "ex-b", archive)).toContain("volume ex-b is not empty");
    await inVolume("ex-b", "echo changed >/data/file; touch /data/more");
    await berth("volume", "import", "--overwrite", "ex-b", archive);
    expect(await inVolume("ex-b", "cat /data/file; ls /data")).toBe("hello\nfile\nmore");
    await docker("volume", "rm", "ex-a", "ex-b");
  });

  test("through a pipe, from one volume to another", async () => {
    await inVolume("pipe-a", FILL);
    const line = 'set -o pipefail; "$B" volume export pipe-a | gzip | "$B" volume import pipe-b -';
    const env = { B: join(import.meta.dir, "../../dist/berth"), DOCKER_HOST: engine().host };
    expect(await runCommand(["bash", "-c", line], { env })).toEqual({
      code: 0,
      stdout: "pipe-b\n",
      stderr: "",
    });
    expect(await inVolume("pipe-b", LOOK)).toBe(FILLED);
    await docker("volume", "rm", "pipe-a", "pipe-b");
  });

  test("a clone has the files and labels, and goes its own way", async () => {
    await docker("volume", "create", "--label", "tier=db", "cl-a");
    await inVolume("cl-a", FILL);
    expect(await berth("volume", "clone", "--label", "kind=copy", "cl-a", "cl-b")).toBe("cl-b");
    expect(await inVolume("cl-b", LOOK)).toBe(FILLED);
    expect(await docker("volume", "inspect", "-f", "{{.Labels.tier}} {{.Labels.kind}}", "cl-b")).toBe(
      "db copy",
    );
    await inVolume("cl-b", "echo other >/data/file");
    expect(await inVolume("cl-a", "cat /data/file")).toBe("hello");
    expect(await refusal("volume", "clone", "cl-a", "cl-b")).toContain("volume name must be unique");
    expect(await refusal("volume", "clone", "nothing", "cl-c")).toContain("get nothing: no such volume");
    await docker("volume", "rm", "cl-a", "cl-b");
  });

  test("what a program writes meanwhile is in the copy up to one moment", async () => {
    const script =
      "i=0; while [ $i -lt 4000 ]; do i=$((i+1)); echo $i >/data/one; echo $i >/data/two; done; sleep 60";
    await docker("run", "-d", "--name", "writer", "-v", "wr-a:/data", IMAGE, "sh", "-c", script);
    await eventually(
      async () => (await engine().docker(["exec", "writer", "test", "-s", "/data/two"])).code,
      0,
    );
    await berth("volume", "clone", "wr-a", "wr-b");
    const [one, two] = (await inVolume("wr-b", "cat /data/one /data/two")).split("\n").map(Number);
    // The writer stood between the two files, or behind both.
    expect([0, 1]).toContain(one! - (two ?? one! - 1));
    expect(await inspect("writer", "{{.State.Status}}")).toBe("running");
    await docker("rm", "-f", "writer");
    await docker("volume", "rm", "wr-a", "wr-b");
  });

  test("the users of a volume stand still while it is exported, unless that is not wanted", async () => {
    await docker("run", "-d", "--name", "user", "-v", "st-a:/data", IMAGE, "sleep", "60");
    const since = String(Math.floor(Date.now() / 1000) - 1);
    const told = async () => {
      const until = String(Math.floor(Date.now() / 1000) + 1);
      const options = ["--since", since, "--until", until, "-f", "container=user", "--format", "{{.Action}}"];
      const actions = (await docker("events", ...options)).split("\n");
      return actions.filter((action) => action.includes("pause"));
    };
    await berth("volume", "export", "--pause=false", "-o", join(scratch, "st.tar"), "st-a");
    expect(await told()).toEqual([]);
    await berth("volume", "export", "-o", join(scratch, "st.tar"), "st-a");
    expect(await told()).toEqual(["pause", "unpause"]);
    expect(await inspect("user", "{{.State.Status}}")).toBe("running");
    await docker("rm", "-f", "user");
    await docker("volume", "rm", "st-a");
  });

  test("a client that goes away in the middle leaves nobody frozen, and the volume free", async () => {
    await inVolume("go-a", "dd if=/dev/zero of=/data/large bs=1M count=64 2>/dev/null");
    await docker("run", "-d", "--name", "goer", "-v", "go-a:/data", IMAGE, "sleep", "60");
    const abort = new AbortController();
    const answer = await fetch("http://localhost/berth/volumes/go-a/export", {
      unix: engine().socket,
      signal: abort.signal,
    });
    expect(answer.headers.get("content-type")).toBe("application/x-tar");
    await answer.body!.getReader().read();
    abort.abort();
    await eventually(() => inspect("goer", "{{.State.Status}}"), "running");
    await docker("rm", "-f", "goer");
    await eventually(async () => (await engine().docker(["volume", "rm", "go-a"])).code, 0);
  });

  test("a daemon that dies in the middle leaves nobody frozen", async () => {
    await inVolume("die-a", "dd if=/dev/zero of=/data/large bs=1M count=64 2>/dev/null");
    await docker("run", "-d", "--name", "dier", "-v", "die-a:/data", IMAGE, "sleep", "60");
    const answer = await fetch("http://localhost/v1.51/berth/volumes/die-a/export", {
      unix: engine().socket,
    });
    const reader = answer.body!.getReader();
    await reader.read();
    expect(await inspect("dier", "{{.State.Status}}")).toBe("paused");
    await engine().kill();
    await reader.cancel().catch(() => {});
    await engine().start();
    await eventually(() => inspect("dier", "{{.State.Status}}"), "running");
    await docker("rm", "-f", "dier");
    await docker("volume", "rm", "die-a");
  });

  test("an archive that leads out of the volume is refused, and nothing is left", async () => {
    const archive = join(scratch, "evil.tar");
    const outside = join(scratch, "outside");
    await runCommand([
      "bash",
      "-c",
      `cd '${scratch}' && echo x >evil && tar -cPf evil.tar --transform 's,evil,../../../..${outside},' evil`,
    ]);
    expect(await refusal("volume", "import", "evil", archive)).not.toBe("");
    expect(await docker("volume", "ls", "-q", "-f", "name=evil")).toBe("");
    expect((await runCommand(["ls", outside])).code).not.toBe(0);
  });
});

test("volume ls --size tells how much is in each volume, and who uses it", async () => {
  await inVolume("size-a", "dd if=/dev/zero of=/data/x bs=1000 count=5 2>/dev/null");
  await docker("create", "--name", "sizer", "-v", "size-a:/data", IMAGE);
  const rows = (await berth("volume", "ls", "--size", "-f", "name=size-")).split("\n");
  expect(rows.map((row) => row.split(/ {2,}/))).toEqual([
    ["DRIVER", "VOLUME NAME", "LINKS", "SIZE"],
    ["local", "size-a", "1", "5kB"],
  ]);
  await docker("rm", "sizer");
  await docker("volume", "rm", "size-a");
});

describe("a plugin", () => {
  test("is mounted for an export, a clone may be made on it, and a hung one stalls nobody else", async () => {
    await using plugin = new TestVolumePlugin(join(folder, "disk.sock"), join(scratch, "disk"));
    await inVolume("pl-a", FILL);
    await berth("volume", "clone", "-d", "disk", "pl-a", "pl-b");
    expect(await inVolume("pl-b", LOOK)).toBe(FILLED);
    await berth("volume", "export", "-o", join(scratch, "pl.tar"), "pl-b");
    expect(plugin.volumes.get("pl-b")?.mounts.size).toBe(0);
    await docker("volume", "rm", "pl-a", "pl-b");

    await docker("volume", "create", "-d", "disk", "pl-hung");
    for (const method of ["Mount", "List", "Get", "Capabilities", "Plugin.Activate"]) {
      plugin.instead.set(method, () => new Promise<Response>(() => {}));
    }
    const stuck = engine().docker(["run", "--rm", "--name", "stuck", "-v", "pl-hung:/data", IMAGE, "true"], {
      timeoutMs: 50_000,
    });
    await eventually(async () => plugin.calls.some(({ method }) => method === "Mount"), true);
    expect(await inVolume("pl-free", "echo fine")).toBe("fine");
    expect(await berth("volume", "ls", "-q", "-f", "name=pl-")).toBe("pl-free\npl-hung");
    await docker("info");
    plugin.instead.clear();
    plugin.instead.set("Mount", () => Response.json({ Err: "no" }));
    // The plugin's end ends the call that hangs.
    await plugin[Symbol.asyncDispose]();
    expect((await stuck).code).not.toBe(0);
    await engine().docker(["volume", "rm", "-f", "pl-hung"]);
    await docker("volume", "rm", "pl-free");
  });
});
