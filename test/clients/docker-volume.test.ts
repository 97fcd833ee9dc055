// Volumes, driven by the real docker client.
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  setDefaultTimeout,
  test,
} from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TestVolumePlugin } from "../../src/volumes/plugins/testing.ts";
import { AGAINST_DOCKER, IMAGE } from "../support/engine.ts";
import { useEngine } from "../support/suite.ts";

// dockerd looks 15 s for a plugin that is not there.
setDefaultTimeout(60_000);

// dockerd looks for plugins where it always does; berth is told a folder of the test's own.
const scratch = mkdtempSync(join(tmpdir(), "berth-volume-test-"));
const folder = AGAINST_DOCKER ? "/run/docker/plugins" : join(scratch, "plugins");
const DISK = `berth-test-${process.pid}`;
const args = AGAINST_DOCKER ? [] : ["--plugin-folder", folder];
mkdirSync(folder, { recursive: true });
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const { engine, docker, dockerResult, inspect, eventually } = useEngine({ args });

const lines = (text: string) => (text === "" ? [] : text.split("\n"));
const inVolume = (volume: string, ...command: string[]) =>
  docker("run", "--rm", "-v", `${volume}:/data`, IMAGE, ...command);
const refusal = async (...command: string[]) => {
  const { code, stderr } = await dockerResult(command);
  expect(code, command.join(" ")).not.toBe(0);
  return stderr.trim();
};

describe("create, ls, inspect, rm", () => {
  test("a volume has what it was given", async () => {
    expect(await docker("volume", "create", "--label", "tier=db", "--label", "keep", "vol-a")).toBe("vol-a");
    const [shown] = JSON.parse(await docker("volume", "inspect", "vol-a")) as Record<string, unknown>[];
    expect(shown).toMatchObject({
      Name: "vol-a",
      Driver: "local",
      Scope: "local",
      Labels: { tier: "db", keep: "" },
      Options: null,
    });
    expect(existsSync(String(shown!["Mountpoint"]))).toBe(true);
    expect(await docker("volume", "create", "vol-a")).toBe("vol-a");
    expect(await docker("volume", "rm", "vol-a")).toBe("vol-a");
    expect(existsSync(String(shown!["Mountpoint"]))).toBe(false);
  });

  test("without a name it gets 64 digits", async () => {
    const name = await docker("volume", "create");
    expect(name).toMatch(/^[0-9a-f]{64}$/);
    await docker("volume", "rm", name);
  });

  test("filters", async () => {
    await docker("volume", "create", "--label", "tier=db", "vf-one");
    await docker("volume", "create", "--label", "tier=web", "vf-two");
    await docker("create", "--name", "vf-user", "-v", "vf-three:/x", IMAGE);
    const named = async (...filters: string[]) =>
      lines(await docker("volume", "ls", "-q", "-f", "name=vf-", ...filters.flatMap((each) => ["-f", each])));
    expect(await named()).toEqual(["vf-one", "vf-three", "vf-two"]);
    expect(await named("name=vf-t")).toEqual(["vf-one", "vf-three", "vf-two"]);
    expect(await named("label=tier")).toEqual(["vf-one", "vf-two"]);
    expect(await named("label=tier=db")).toEqual(["vf-one"]);
    expect(await named("dangling=true")).toEqual(["vf-one", "vf-two"]);
    expect(await named("dangling=false")).toEqual(["vf-three"]);
    expect(await named("driver=local")).toEqual(["vf-one", "vf-three", "vf-two"]);
    expect(await named("driver=other")).toEqual([]);
    expect(await refusal("volume", "ls", "-f", "colour=red")).toContain("colour");
    await docker("rm", "-v", "vf-user");
    // A named volume stays, however its container is removed.
    expect(await named("dangling=true")).toEqual(["vf-one", "vf-three", "vf-two"]);
    await docker("volume", "rm", "vf-one", "vf-two", "vf-three");
  });

  test("what is not there, or makes no sense", async () => {
    expect(await refusal("volume", "inspect", "nothing")).toContain("get nothing: no such volume");
    expect(await refusal("volume", "rm", "nothing")).toContain("get nothing: no such volume");
    await docker("volume", "rm", "-f", "nothing");
    expect(await refusal("volume", "create", "a/b")).toContain(
      "includes invalid characters for a local volume name",
    );
    expect(await refusal("volume", "create", "x")).toContain("volume name is too short");
    expect(await refusal("volume", "create", "-o", "colour=red", "vol-bad")).toContain(
      'invalid option: "colour"',
    );
    expect(await refusal("volume", "create", "-o", "type=tmpfs", "vol-bad")).toContain(
      'missing required option: "device"',
    );
    expect(await refusal("volume", "create", "-d", "nosuchdriver", "vol-bad")).toContain(
      'error looking up volume plugin nosuchdriver: plugin "nosuchdriver" not found',
    );
    // Here Docker 20.10 answers 404, which its client takes for "no such image".
    const run = await refusal("run", "--rm", "--volume-driver", "nosuchdriver", "-v", "v:/x", IMAGE);
    if (!AGAINST_DOCKER) {
      expect(run).toContain('error looking up volume plugin nosuchdriver: plugin "nosuchdriver" not found');
    }
    expect(lines(await docker("volume", "ls", "-q", "-f", "name=vol-bad"))).toEqual([]);
  });

  test("update is for clusters only", async () => {
    await docker("volume", "create", "vol-update");
    expect(await refusal("volume", "update", "vol-update")).not.toBe("");
    await docker("volume", "rm", "vol-update");
  });

  test("a quota is refused where the file system has none", async () => {
    const { code, stderr } = await dockerResult(["volume", "create", "-o", "size=10m", "vol-quota"]);
    if (code !== 0) expect(stderr).toMatch(/quota/);
    await docker("volume", "rm", "-f", "vol-quota");
  });
});

describe("a volume in use", () => {
  test("is never removed, and says by whom it is used", async () => {
    const id = await docker("create", "--name", "use-c", "-v", "use-v:/x", IMAGE);
    expect(await refusal("volume", "rm", "use-v")).toContain(`remove use-v: volume is in use - [${id}]`);
    expect(await refusal("volume", "rm", "-f", "use-v")).toContain("volume is in use");
    await docker("volume", "prune", "-f", "--filter", "label!=none");
    expect(await docker("volume", "ls", "-q", "-f", "name=use-v")).toBe("use-v");
    await docker("rm", "use-c");
    await docker("volume", "rm", "use-v");
  });

  test("is shared, and lives on", async () => {
    await inVolume("use-s", "sh", "-c", "echo one >/data/file");
    expect(await inVolume("use-s", "cat", "/data/file")).toBe("one");
    expect(await refusal("run", "--rm", "-v", "use-s:/data:ro", IMAGE, "touch", "/data/no")).toContain(
      "Read-only",
    );
    await docker("volume", "rm", "use-s");
  });
});

describe("anonymous volumes", () => {
  const anonymous = async () =>
    lines(await docker("volume", "ls", "-q")).filter((name) => /^[0-9a-f]{64}$/.test(name));

  test("go with --rm", async () => {
    expect(await docker("run", "--rm", "-v", "/data", IMAGE, "sh", "-c", "touch /data/x && ls /data")).toBe(
      "x",
    );
    await eventually(anonymous, []);
  });

  test("stay without rm -v, go with it, and only when nobody else uses them", async () => {
    await docker("create", "--name", "an-1", "-v", "/data", IMAGE);
    const [name] = await anonymous();
    expect(await inspect("an-1", "{{(index .Mounts 0).Name}}")).toBe(name!);
    await docker("create", "--name", "an-2", "--volumes-from", "an-1", IMAGE);
    await docker("rm", "-v", "an-1");
    expect(await anonymous()).toEqual([name!]);
    await docker("rm", "an-2");
    expect(await anonymous()).toEqual([name!]);
    await docker("create", "--name", "an-3", "-v", "/data", IMAGE);
    await docker("rm", "-v", "an-3");
    expect(await anonymous()).toEqual([name!]);
    await docker("volume", "rm", name!);
  });

  test("a named volume is no anonymous one, whatever the way it came", async () => {
    await docker("run", "--rm", "--mount", "type=volume,src=an-named,dst=/data", IMAGE, "touch", "/data/x");
    expect(await inVolume("an-named", "ls", "/data")).toBe("x");
    await docker("volume", "rm", "an-named");
  });
});

describe("copy-up", () => {
  beforeAll(async () => {
    const script =
      "mkdir -p /srv/app/sub; echo hello >/srv/app/sub/file; chown 33:44 /srv/app/sub/file; chmod 4755 /srv/app/sub/file; chown 11:22 /srv/app; chmod 1770 /srv/app; ln -s sub/file /srv/app/link";
    await docker("run", "--name", "up-build", IMAGE, "sh", "-c", script);
    await docker("commit", "-c", "VOLUME /srv/app", "up-build", "up-image:1");
    await docker("rm", "up-build");
  });
  afterAll(async () => void (await docker("rmi", "up-image:1")));
  const LOOK = "stat -c '%n %u:%g %a' /v /v/sub/file; cat /v/sub/file; readlink /v/link";
  const COPIED = "/v 11:22 1770\n/v/sub/file 33:44 4755\nhello\nsub/file";
  const look = (volume: string) => docker("run", "--rm", "-v", `${volume}:/v`, IMAGE, "sh", "-c", LOOK);

  test("fills an empty volume, with owners and modes, once", async () => {
    await docker("run", "--rm", "-v", "up-v:/srv/app", "up-image:1", "true");
    expect(await look("up-v")).toBe(COPIED);
    await docker("run", "--rm", "-v", "up-v:/srv/app", "up-image:1", "rm", "-r", "/srv/app/sub");
    await docker("run", "--rm", "-v", "up-v:/srv/app", "up-image:1", "true");
    expect(await docker("run", "--rm", "-v", "up-v:/v", IMAGE, "ls", "/v")).toBe("link");
    await docker("volume", "rm", "up-v");
  });

  test("also the volume that the image declares", async () => {
    expect(await docker("run", "--rm", "up-image:1", "cat", "/srv/app/link")).toBe("hello");
    await docker("run", "--name", "up-declared", "up-image:1", "sh", "-c", "echo more >>/srv/app/sub/file");
    expect(await docker("run", "--rm", "--volumes-from", "up-declared", IMAGE, "cat", "/srv/app/link")).toBe(
      "hello\nmore",
    );
    await docker("rm", "-v", "up-declared");
  });

  test("not with nocopy, and not into a bind", async () => {
    const list = (...options: string[]) => docker("run", "--rm", ...options, "up-image:1", "ls", "/srv/app");
    expect(await list("-v", "up-no1:/srv/app:nocopy")).toBe("");
    expect(await list("--mount", "type=volume,src=up-no2,dst=/srv/app,volume-nocopy")).toBe("");
    const empty = mkdtempSync(join(scratch, "bind-"));
    expect(await list("-v", `${empty}:/srv/app`)).toBe("");
    await docker("volume", "rm", "up-no1", "up-no2");
  });

  test("--mount gives the volume its labels and options", async () => {
    await docker(
      ...["run", "--rm", "--mount"],
      'type=volume,src=up-opt,dst=/data,volume-label=a=b,volume-opt=type=tmpfs,volume-opt=device=tmpfs,"volume-opt=o=size=1m,mode=711"',
      ...[IMAGE, "true"],
    );
    const format = "{{.Labels.a}} {{.Options.type}} {{.Options.o}}";
    expect(await docker("volume", "inspect", "-f", format, "up-opt")).toBe("b tmpfs size=1m,mode=711");
    await docker("volume", "rm", "up-opt");
  });
});

describe("options of the driver local", () => {
  test("tmpfs: mounted while it is used, and as large as it was told", async () => {
    await docker(
      "volume",
      "create",
      "-o",
      "type=tmpfs",
      "-o",
      "device=tmpfs",
      "-o",
      "o=size=1m,uid=1000",
      "opt-t",
    );
    const looked = await inVolume(
      "opt-t",
      "sh",
      "-c",
      "stat -c %u /data; df -k /data | tail -n 1 | awk '{print $2}'",
    );
    expect(looked).toBe("1000\n1024");
    const path = await docker("volume", "inspect", "-f", "{{.Mountpoint}}", "opt-t");
    await eventually(async () => readdirSync(path), []);
    await docker("volume", "rm", "opt-t");
  });

  test("bind: a directory of the host, which a removed volume leaves alone", async () => {
    const source = mkdtempSync(join(scratch, "source-"));
    writeFileSync(join(source, "file"), "hello");
    await docker("volume", "create", "-o", "type=none", "-o", `device=${source}`, "-o", "o=bind", "opt-b");
    expect(await inVolume("opt-b", "cat", "/data/file")).toBe("hello");
    await docker("volume", "rm", "opt-b");
    expect(readdirSync(source)).toEqual(["file"]);
  });

  test("what cannot be mounted is an error when it is used", async () => {
    const missing = join(scratch, "missing");
    await docker("volume", "create", "-o", "type=none", "-o", `device=${missing}`, "-o", "o=bind", "opt-m");
    expect(await refusal("run", "--rm", "-v", "opt-m:/data", IMAGE, "true")).toContain(
      "failed to mount local volume",
    );
    await docker("volume", "rm", "opt-m");
  });

  test("nfs without a server is an error that names what was tried, not a wait", async () => {
    const options = [
      "-o",
      "type=nfs",
      "-o",
      "o=addr=127.0.0.1,port=9,mountport=9,soft,retry=0",
      "-o",
      "device=:/x",
    ];
    await docker("volume", "create", ...options, "opt-n");
    const said = await refusal("run", "--rm", "-v", "opt-n:/data", IMAGE, "true");
    expect(said).toContain("failed to mount local volume");
    expect(said).toContain("addr=127.0.0.1");
    await docker("volume", "rm", "opt-n");
  });
});

// Docker has it since 26.
describe.skipIf(AGAINST_DOCKER)("volume-subpath", () => {
  test("shows a part of a volume, and nothing outside of it", async () => {
    await inVolume(
      "sub-v",
      "sh",
      "-c",
      "mkdir -p /data/a/b; echo x >/data/a/b/file; ln -s / /data/out; echo y >/data/top",
    );
    const part = (path: string, ...command: string[]) => [
      "run",
      "--rm",
      "--mount",
      `type=volume,src=sub-v,dst=/p,volume-subpath=${path}`,
      IMAGE,
      ...command,
    ];
    expect(await docker(...part("a/b", "ls", "/p"))).toBe("file");
    expect(await docker(...part("a/b/file", "cat", "/p"))).toBe("x");
    expect(await refusal(...part("nothing", "true"))).toContain("nothing");
    expect(await refusal(...part("../x", "true"))).toContain("subpath");
    expect(await refusal(...part("out/etc", "true"))).toContain("out/etc");
    await docker("volume", "rm", "sub-v");
  });
});

describe("prune", () => {
  test("takes the anonymous, and the named where it is told so", async () => {
    await docker("volume", "create", "pr-named");
    await docker("volume", "create", "--label", "keep=yes", "pr-kept");
    const pruned = await docker("volume", "prune", "-f", "-a", "--filter", "label!=keep=yes").catch(() => "");
    if (!AGAINST_DOCKER) expect(pruned).toContain("pr-named");
    expect(lines(await docker("volume", "ls", "-q", "-f", "name=pr-kept"))).toEqual(["pr-kept"]);
    await docker("volume", "rm", "-f", "pr-kept", "pr-named");
  });
});

describe("volume plugins", () => {
  let plugin: TestVolumePlugin;
  beforeEach(() => {
    plugin = new TestVolumePlugin(join(folder, `${DISK}.sock`), join(scratch, "disk"));
  });
  afterEach(() => plugin[Symbol.asyncDispose]());

  test("keep volumes as the driver local does", async () => {
    await docker("volume", "create", "-d", DISK, "-o", "speed=fast", "--label", "a=b", "plug-v");
    expect(plugin.volumes.get("plug-v")?.options).toEqual({ speed: "fast" });
    const format = "{{.Driver}} {{.Scope}} {{.Labels.a}} {{.Options.speed}} {{.Status.mounts}}";
    expect(await docker("volume", "inspect", "-f", format, "plug-v")).toBe(`${DISK} global b fast 0`);
    expect(await docker("volume", "ls", "-f", `driver=${DISK}`, "--format", "{{.Driver}} {{.Name}}")).toBe(
      `${DISK} plug-v`,
    );
    expect(lines(await docker("info", "-f", "{{range .Plugins.Volume}}{{println .}}{{end}}"))).toContain(
      DISK,
    );
    await inVolume("plug-v", "sh", "-c", "echo hello >/data/file");
    expect(existsSync(join(plugin.path("plug-v"), "file"))).toBe(true);
    expect(await inVolume("plug-v", "cat", "/data/file")).toBe("hello");
    await docker("volume", "rm", "plug-v");
    expect(plugin.volumes.size).toBe(0);
  });

  test("are told of each run: a volume is mounted while its container runs", async () => {
    await docker(
      "run",
      "-d",
      "--name",
      "plug-c",
      "--volume-driver",
      DISK,
      "-v",
      "plug-run:/data",
      IMAGE,
      "sleep",
      "60",
    );
    expect(plugin.volumes.get("plug-run")?.mounts.size).toBe(1);
    expect(await inspect("plug-c", "{{(index .Mounts 0).Driver}}")).toBe(DISK);
    // Docker 20.10 shows no source where the plugin does not tell it beforehand.
    if (!AGAINST_DOCKER) {
      expect(await inspect("plug-c", "{{(index .Mounts 0).Source}}")).toBe(plugin.path("plug-run"));
    }
    await docker("kill", "plug-c");
    await docker("wait", "plug-c");
    await eventually(async () => plugin.volumes.get("plug-run")?.mounts.size, 0);
    await docker("start", "plug-c");
    expect(plugin.volumes.get("plug-run")?.mounts.size).toBe(1);
    await docker("rm", "-f", "plug-c");
    expect(plugin.volumes.get("plug-run")?.mounts.size).toBe(0);
    await docker("volume", "rm", "plug-run");
  });

  test("a file in a container that does not run can be copied", async () => {
    await docker(
      "create",
      "--name",
      "plug-cp",
      "--volume-driver",
      DISK,
      "-v",
      "plug-cpv:/data",
      IMAGE,
      "true",
    );
    mkdirSync(plugin.path("plug-cpv"), { recursive: true });
    writeFileSync(join(plugin.path("plug-cpv"), "file"), "hello");
    await docker("cp", "plug-cp:/data/file", join(scratch, "copied"));
    expect(statSync(join(scratch, "copied")).size).toBe(5);
    await eventually(async () => plugin.volumes.get("plug-cpv")?.mounts.size, 0);
    await docker("rm", "plug-cp");
    await docker("volume", "rm", "plug-cpv");
  });

  test("volumes that they have already are there by their names", async () => {
    plugin.volumes.set("plug-theirs", { options: {}, mounts: new Set() });
    mkdirSync(plugin.path("plug-theirs"), { recursive: true });
    expect(lines(await docker("volume", "ls", "-q"))).toContain("plug-theirs");
    await inVolume("plug-theirs", "touch", "/data/x");
    expect(existsSync(join(plugin.path("plug-theirs"), "x"))).toBe(true);
    await docker("volume", "rm", "plug-theirs");
  });

  test("what they refuse is said in their words, and nothing is left", async () => {
    plugin.instead.set("Create", () => Response.json({ Err: "out of disks" }));
    expect(await refusal("volume", "create", "-d", DISK, "plug-no")).toContain(
      "create plug-no: out of disks",
    );
    plugin.instead.clear();
    await docker("volume", "create", "-d", DISK, "plug-bad");
    plugin.instead.set("Mount", () => Response.json({ Err: "no wire" }));
    expect(await refusal("run", "--rm", "-v", "plug-bad:/data", IMAGE, "true")).toContain("no wire");
    plugin.instead.clear();
    await docker("volume", "rm", "plug-bad");
  });

  test("a name that another driver's volume has is refused", async () => {
    await docker("volume", "create", "plug-taken");
    expect(await refusal("volume", "create", "-d", DISK, "plug-taken")).toContain(
      "volume name must be unique",
    );
    await docker("volume", "rm", "plug-taken");
  });

  test("a dead one does not keep anybody from volumes of other drivers", async () => {
    await docker("volume", "create", "-d", DISK, "plug-dead");
    await plugin[Symbol.asyncDispose]();
    await docker("volume", "create", "plug-alive");
    await inVolume("plug-alive", "true");
    expect(lines(await docker("volume", "ls", "-q"))).toContain("plug-alive");
    await docker("volume", "rm", "plug-alive");
    plugin = new TestVolumePlugin(join(folder, `${DISK}.sock`), join(scratch, "disk"));
    plugin.volumes.set("plug-dead", { options: {}, mounts: new Set() });
    await docker("volume", "rm", "plug-dead");
  });
});

test("events tell of a volume's life", async () => {
  const since = String(Math.floor(Date.now() / 1000) - 1);
  await inVolume("ev-v", "true");
  await docker("volume", "rm", "ev-v");
  const until = String(Math.floor(Date.now() / 1000) + 1);
  const told = await docker(
    ...["events", "--since", since, "--until", until, "-f", "type=volume", "-f", "volume=ev-v"],
    ...["--format", "{{.Action}}"],
  );
  expect(lines(told)).toEqual(["create", "mount", "unmount", "destroy"]);
  expect(engine().pid).toBeGreaterThan(0);
});
