/** Attacks on runtimes that became known, each a test that fails on an engine with the flaw left in. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { CreateRequest, Runtime, SpecInput } from "./contract.ts";
import { findProgram } from "./programs.ts";
import { collect, PATIENCE_MS, printed, RUNTIMES, RuntimeFixture } from "./testing/fixture.ts";

describe.each(RUNTIMES)("%s", (name) => {
  setDefaultTimeout(PATIENCE_MS);
  let fixture: RuntimeFixture;
  let runtime: Runtime;
  let canary: string;
  const helpers = ["runc", "conmon"].map((name) => findProgram(name) ?? "");

  beforeAll(async () => {
    fixture = new RuntimeFixture({ default: name });
    runtime = await fixture.runtimes.get(undefined);
    canary = join(fixture.directory, "canary");
    mkdirSync(canary);
    for (const name of ["null", "console", "sys", "kernel"])
      writeFileSync(join(canary, name), `host ${name}`);
  });
  afterAll(() => fixture[Symbol.asyncDispose]());

  type Options = Partial<SpecInput> & { create?: Partial<Omit<CreateRequest, "spec">> };

  async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
    for (let attempt = 0; attempt < 1000; attempt++) {
      if (await holds()) return;
      await Bun.sleep(10);
    }
    throw new Error("waited too long");
  }

  /** What a container printed, or that it was refused. */
  async function outcome(args: string[], over: Options = {}): Promise<string> {
    const request = fixture.request(args, over);
    try {
      await runtime.create(request);
      await runtime.start(request.id);
      await until(() => existsSync(join(fixture.execRoot, "exits", request.id)));
      return printed(request.bundle);
    } catch (error) {
      return `refused: ${error}`;
    } finally {
      await runtime.delete(request.id, { force: true });
    }
  }

  const sha256 = (path: string) => new Bun.CryptoHasher("sha256").update(readFileSync(path)).digest("hex");
  /** Names, contents and modes of the host's files that an attack would reach. */
  const snapshot = () => [
    ...readdirSync(canary).map((name) => [
      name,
      readFileSync(join(canary, name), "utf8"),
      statSync(join(canary, name)).mode,
    ]),
    ...["kernel/core_pattern", "kernel/hostname", "kernel/modprobe"].map((name) => {
      return [name, existsSync(`/proc/sys/${name}`) && readFileSync(`/proc/sys/${name}`, "utf8")];
    }),
    readdirSync("/").sort(),
  ];

  describe("CVE-2019-5736: the runtime's own program is reached through /proc", () => {
    test("it is never written, whatever the container runs and tries", async () => {
      const before = helpers.map(sha256);
      const evil = join(fixture.rootfs, "bin/evil");
      writeFileSync(evil, "#!/proc/self/exe\n");
      chmodSync(evil, 0o755);
      // Tries to write every program that runs here and is not its own.
      const attacker = await fixture.run([
        "sh",
        "-c",
        `while :; do for p in /proc/[0-9]*/exe; do case $(readlink $p) in /bin/busybox|"") ;; *) echo owned 2>/dev/null > $p && echo WROTE $p; esac; done; done`,
      ]);
      for (let round = 0; round < 5; round++) {
        for (const args of [["/bin/evil"], ["true"], ["/proc/self/exe"]]) {
          const process = await runtime.exec(attacker.id, fixture.execRequest(args)).catch(() => undefined);
          if (!process) continue;
          await collect(process.output);
          await process.exited;
        }
      }
      await outcome(["/bin/evil"]);
      const written = printed(attacker.bundle);
      await runtime.delete(attacker.id, { force: true });
      expect(helpers.map(sha256)).toEqual(before);
      expect(written).not.toContain("WROTE");
    });
  });

  describe("CVE-2024-21626: a descriptor of the host's leaks", () => {
    test("no working directory leads to one", async () => {
      for (let fd = 3; fd <= 20; fd++) {
        expect(() => fixture.request(["pwd"], { cwd: `/proc/self/fd/${fd}` })).toThrow("is invalid");
      }
      // Through links of the image's, where the path itself looks harmless.
      for (let fd = 3; fd <= 9; fd++) {
        rmSync(join(fixture.rootfs, "w"), { force: true });
        symlinkSync(`/proc/self/fd/${fd}`, join(fixture.rootfs, "w"));
        const text = await outcome(
          ["sh", "-c", "ls /proc/self/cwd/../../../../etc/hostname; ls ../../../../../etc"],
          { cwd: "/w" },
        );
        expect(text).not.toContain("passwd");
      }
      rmSync(join(fixture.rootfs, "w"));
    });
  });

  describe("CVE-2025-31133, -52565, -52881, 2019-16884: links in the image where the runtime mounts", () => {
    /** Each makes something of a copy of the root that the runtime will stumble over. */
    const traps: Record<string, (root: string) => void> = {
      "/dev is a link": (root) => relink(root, "dev", canary),
      "/dev is a relative link out": (root) => relink(root, "dev", `../../..${canary}`),
      "/dev/null is a link": (root) => symlinkSync(join(canary, "null"), join(root, "dev/null")),
      "/dev/console is a link": (root) => symlinkSync(join(canary, "console"), join(root, "dev/console")),
      "/dev/pts is a link": (root) => symlinkSync(canary, join(root, "dev/pts")),
      "/proc is a link": (root) => relink(root, "proc", canary),
      "/proc is a link in the image": (root) => relink(root, "proc", "/tmp"),
      "/sys is a link": (root) => relink(root, "sys", canary),
      "/etc is a link": (root) => relink(root, "etc", canary),
    };

    function relink(root: string, name: string, target: string): void {
      rmSync(join(root, name), { recursive: true });
      symlinkSync(target, join(root, name));
    }

    test.each(Object.keys(traps))("%s", async (name) => {
      const rootfs = join(fixture.directory, `trap-${name.replace(/\W/g, "-")}`);
      cpSync(fixture.rootfs, rootfs, { recursive: true, verbatimSymlinks: true });
      traps[name]?.(rootfs);
      const before = snapshot();
      const script =
        "echo x > /proc/sys/kernel/hostname; echo x > /dev/null; echo x > /dev/console; cat /proc/self/mountinfo";
      const mounts = [{ source: canary, destination: "/etc/hosts", type: "bind", options: ["rbind", "ro"] }];
      for (const over of [{}, { config: { Tty: true } }, { mounts }] satisfies Options[]) {
        const text = await outcome(["sh", "-c", script], { rootfs, ...over });
        // Whoever runs has a real /proc, and never one that it could have put there itself.
        if (!text.startsWith("refused")) expect(text).toMatch(/ \/proc (?:rw|ro),.* - proc /);
      }
      if (/^\/(?:dev|proc|sys) is/.test(name)) {
        expect(await outcome(["true"], { rootfs })).toContain("must be mounted on ordinary directory");
      }
      expect(snapshot()).toEqual(before);
    });

    test("a volume over /proc is refused, also behind a link", async () => {
      symlinkSync("proc/self/attr", join(fixture.rootfs, "innocent"));
      for (const destination of ["/proc", "/proc/self/attr", "/proc/sys", "/innocent"]) {
        const mounts = [{ source: canary, destination, type: "bind", options: ["rbind", "rprivate"] }];
        expect(await outcome(["true"], { mounts })).toStartWith("refused");
      }
      rmSync(join(fixture.rootfs, "innocent"));
      const own = [
        { source: "/proc/meminfo", destination: "/proc/meminfo", type: "bind", options: ["bind"] },
      ];
      expect(await outcome(["cat", "/proc/meminfo"], { mounts: own })).toContain("MemTotal");
    });
  });

  describe("CVE-2021-30465, 2024-45310: a container swaps a mount's target while another one starts", () => {
    test("nothing is mounted, and nothing made, outside the root", async () => {
      const volume = join(fixture.directory, "volume");
      mkdirSync(volume);
      writeFileSync(join(volume, "file"), "");
      const share = {
        source: volume,
        destination: "/v",
        type: "bind" as const,
        options: ["rbind", "rprivate"],
      };
      const swapper = await fixture.run(
        ["sh", "-c", "cd /v; while :; do rm -rf a; ln -s / a; rm -f a; mkdir a; done"],
        { mounts: [share] },
      );
      const before = snapshot();
      const hostDevice = /^\d+ \d+ (\S+) \/ \/ /m.exec(readFileSync("/proc/self/mountinfo", "utf8"))?.[1];
      const mounts = [
        share,
        ...Array.from({ length: 10 }, (_, index) => ({
          source: index % 2 ? volume : join(volume, "file"),
          destination: `/v/a/stray-berth-${index}`,
          type: "bind" as const,
          options: ["rbind", "rprivate"],
        })),
      ];
      for (let round = 0; round < 15; round++) {
        const text = await outcome(["cat", "/proc/self/mountinfo"], { mounts });
        if (text.startsWith("refused")) continue;
        // The host's own root would show as `<device> / <where>`.
        for (const line of text.split("\n")) expect(line).not.toContain(` ${hostDevice} / /`);
      }
      await runtime.delete(swapper.id, { force: true });
      expect(snapshot()).toEqual(before);
      // In peace they all come to lie where they should.
      rmSync(join(volume, "a"), { recursive: true, force: true });
      const mounted = (await outcome(["cat", "/proc/self/mountinfo"], { mounts })).match(
        / \/v\/a\/stray-berth-\d /g,
      );
      expect(mounted?.length).toBe(10);
    });
  });

  describe("CVE-2020-15257: an abstract socket that every process of the host's network reaches", () => {
    test("there is none of ours", async () => {
      const container = await fixture.run(["sleep", "1000"], { create: { stdinOpen: true } });
      const namespaces = { ...fixture.specInput("x", ["x"]).namespaces, network: "host" as const };
      const text = await outcome(["cat", "/proc/net/unix"], { namespaces });
      await runtime.delete(container.id, { force: true });
      expect(text).toContain("Num       RefCount");
      const abstract = text
        .split("\n")
        .filter((line) => / @/.test(line) && /conmon|runc|berth|attach/.test(line));
      expect(abstract).toEqual([]);
    });
  });
});
