import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { isDataRoot, removeTree } from "./data.ts";
import { install } from "./install.ts";
import type { Machine } from "./machine.ts";
import { placesOf } from "./places.ts";
import { runningContainers } from "./running.ts";
import { disableUnits, installed, removeInstalled } from "./uninstall.ts";

const places = placesOf("/usr/local");
let root: string;
let program: string;
let said: string[];
let ran: string[];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "berth-install-"));
  program = join(mkdtempSync(join(tmpdir(), "berth-program-")), "berth");
  writeFileSync(program, "version 1");
  mkdirSync(join(root, "etc"));
  writeFileSync(join(root, "etc/group"), "root:x:0:\n");
  [said, ran] = [[], []];
});
afterEach(() => {
  rmSync(root, { recursive: true });
  rmSync(dirname(program), { recursive: true });
});

const groups = () => join(root, "etc/group");
const machine = (changes: Partial<Machine> = {}): Machine => ({
  root,
  dryRun: false,
  systemd: "there",
  say: (line) => said.push(line),
  run: async (...command) => {
    ran.push(command.join(" "));
    const text = readFileSync(groups(), "utf8");
    if (command[0] === "groupadd") writeFileSync(groups(), `${text}berth:x:990:\n`);
    if (command[0] === "groupdel") writeFileSync(groups(), text.replace(/^berth:.*\n/m, ""));
  },
  ...changes,
});
const put = (options: { force?: boolean } & Partial<Machine> = {}) => {
  const { force = false, ...changes } = options;
  return install(machine(changes), { places, executable: program, force, stopOther });
};
const takeBack = (changes: Partial<Machine> = {}) =>
  removeInstalled(machine(changes), places, installed(machine(), places));
const stopOther = async () => void ran.push("stop another engine");
const inRoot = (path: string) => join(root, path);
const read = (path: string) => readFileSync(inRoot(path), "utf8");

/** Every file, link and folder with what it holds. */
function tree(folder = root): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return `${path.slice(root.length)} ${entry.isFile() ? readFileSync(path, "utf8") : "-"}`;
    })
    .sort();
}

describe("install", () => {
  test("puts everything in place, and uninstall takes back exactly that", async () => {
    const before = tree();
    await put();
    expect(read("/usr/local/bin/berth")).toBe("version 1");
    expect(statSync(inRoot("/usr/local/bin/berth")).mode & 0o777).toBe(0o755);
    expect(read("/etc/systemd/system/berth.service")).toContain("ExecStart=/usr/local/bin/berth daemon\n");
    expect(read("/etc/systemd/system/berth.socket")).toContain("SocketGroup=berth\n");
    expect(read("/usr/local/share/zsh/site-functions/_berth")).toStartWith("#compdef berth");
    expect(read("/etc/group")).toContain("berth:");
    expect(ran).toEqual([`groupadd --system --prefix ${root} berth`]);
    await takeBack();
    expect(tree()).toEqual(before);
  });

  test("a second time changes nothing, a new version only what is new", async () => {
    await put();
    const after = tree();
    const { ino } = statSync(inRoot("/usr/local/bin/berth"));
    [said, ran] = [[], []];
    await put();
    expect([ran, said.filter((line) => line.startsWith("wrote"))]).toEqual([[], []]);
    expect(tree()).toEqual(after);
    expect(statSync(inRoot("/usr/local/bin/berth")).ino).toBe(ino);
    writeFileSync(program, "version 2");
    said = [];
    await put();
    expect(said.filter((line) => line.startsWith("wrote"))).toEqual([
      `wrote ${inRoot("/usr/local/bin/berth")}`,
      `wrote ${inRoot("/usr/local/share/berth/installed.json")}`,
    ]);
    expect(read("/usr/local/bin/berth")).toBe("version 2");
    // Whoever runs the old one goes on with it: the new one is another file.
    expect(statSync(inRoot("/usr/local/bin/berth")).ino).not.toBe(ino);
    await takeBack();
    expect(tree()).toEqual(["/etc -", "/etc/group root:x:0:\n"]);
  });

  test("a dry run tells everything and changes nothing", async () => {
    const before = tree();
    await put({ dryRun: true });
    expect(tree()).toEqual(before);
    expect(ran).toEqual([]);
    const text = said.join("\n");
    for (const part of [
      `would write ${inRoot("/usr/local/bin/berth")}, mode 0755: a copy of ${program}`,
      "    ExecStart=/usr/local/bin/berth daemon",
      "would run: groupadd --system",
    ])
      expect(text).toContain(part);
    await put();
    const there = tree();
    await takeBack({ dryRun: true });
    expect(tree()).toEqual(there);
    expect(said.at(-1)).toStartWith("would remove");
  });

  test("what others have written is in nobody's way: nothing is changed, unless told", async () => {
    mkdirSync(inRoot("/usr/local/bin"), { recursive: true });
    writeFileSync(inRoot("/usr/local/bin/berth"), "something else");
    const before = tree();
    await expect(put()).rejects.toThrow("nothing was changed");
    expect(tree()).toEqual(before);
    await put({ force: true });
    expect(read("/usr/local/bin/berth")).toBe("version 1");
  });

  test("a unit that was changed is kept when a new version comes, and when the old one goes", async () => {
    await put();
    const unit = "/etc/systemd/system/berth.service";
    writeFileSync(inRoot(unit), `${read(unit)}# mine\n`);
    writeFileSync(program, "version 2");
    await put();
    expect(read(unit)).toEndWith("# mine\n");
    expect(said).toContain(
      `kept ${inRoot(unit)}: it was changed since it was installed (--force replaces it)`,
    );
    said = [];
    await takeBack();
    expect(tree().filter((line) => line.includes("berth"))).toEqual([expect.stringContaining(unit)]);
    expect(said.join("\n")).toContain(`kept ${inRoot(unit)}`);
  });

  test("a link in a file's place is replaced, not followed", async () => {
    const victim = join(dirname(program), "victim");
    writeFileSync(victim, "version 1");
    mkdirSync(inRoot("/usr/local/bin"), { recursive: true });
    symlinkSync(victim, inRoot("/usr/local/bin/berth"));
    await put();
    writeFileSync(program, "version 2");
    await put();
    expect(readFileSync(victim, "utf8")).toBe("version 1");
    expect(read("/usr/local/bin/berth")).toBe("version 2");
  });

  test("folders that others use stay, as does a group with members or that was there before", async () => {
    await put();
    writeFileSync(inRoot("/usr/local/share/zsh/site-functions/_other"), "");
    writeFileSync(groups(), read("/etc/group").replace("berth:x:990:", "berth:x:990:ann"));
    await takeBack();
    expect(existsSync(inRoot("/usr/local/share/zsh/site-functions/_other"))).toBe(true);
    expect(existsSync(inRoot("/usr/local/share/berth"))).toBe(false);
    expect(said.join("\n")).toContain("kept the group berth: ann are in it");
    await put();
    await takeBack();
    expect(read("/etc/group")).toContain("berth:x:990:ann");
  });

  test("without systemd there are no units, and it says what to start", async () => {
    await put({ systemd: "absent" });
    expect(existsSync(inRoot("/etc/systemd"))).toBe(false);
  });

  test("systemd is told of units, of new ones and of those that go", async () => {
    // As on this machine, whose paths are those of the test's all the same.
    const here = { root: "", systemd: "running" } as const;
    const prefix = join(root, "usr/local");
    const own = { ...placesOf(prefix), service: inRoot("/s.service"), socket: inRoot("/s.socket") };
    const without = {
      ...machine(here),
      run: async (...command: string[]) => void ran.push(command.join(" ")),
    };
    const request = { places: own, executable: program, force: false, stopOther };
    const only = () => ran.filter((line) => !line.startsWith("groupadd"));
    await install(without, request);
    expect(only()).toEqual([
      "systemctl daemon-reload",
      "systemctl enable berth.socket berth.service",
      "stop another engine",
      "systemctl start berth.socket berth.service",
    ]);
    ran = [];
    writeFileSync(program, "version 2");
    await install(without, request);
    expect(only().at(-1)).toBe("systemctl restart berth.service");
    ran = [];
    const manifest = installed(without, own);
    await disableUnits(without, manifest);
    expect(only()).toEqual(["systemctl disable --now berth.socket berth.service"]);
  });
});

test("a manifest that was tampered with is refused", async () => {
  await put();
  const path = inRoot("/usr/local/share/berth/installed.json");
  const manifest = JSON.parse(readFileSync(path, "utf8")) as { files: object };
  for (const wrong of [
    { ...manifest, files: { "/usr/../etc/passwd": "x" } },
    { ...manifest, files: { "etc/passwd": "x" } },
    { ...manifest, group: "root" },
    { ...manifest, units: ["ssh.service"] },
    [],
    null,
  ]) {
    writeFileSync(path, JSON.stringify(wrong));
    expect(() => installed(machine(), places)).toThrow("is not what berth install has written");
  }
  rmSync(path);
  expect(() => installed(machine(), places)).toThrow("berth install has written nothing here");
});

describe("data", () => {
  const proc = (mounts: string) => {
    mkdirSync(inRoot("/proc/self"), { recursive: true });
    writeFileSync(inRoot("/proc/self/mountinfo"), mounts);
    return inRoot("/proc");
  };

  test("only an engine's is removed, and nothing that stays mounted", async () => {
    const data = inRoot("/data");
    mkdirSync(join(data, "volumes/disk"), { recursive: true });
    expect(isDataRoot(data)).toBe(false);
    for (const name of ["berth.db", "lock", "volumes/disk/precious"]) writeFileSync(join(data, name), "");
    expect(isDataRoot(data)).toBe(true);
    const line = (point: string) => `30 22 0:40 / ${point} rw - tmpfs none rw\n`;
    const mounted = proc(line("/") + line(`${data}/volumes/disk`));
    await expect(removeTree(machine(), data, mounted)).rejects.toThrow("is still mounted");
    expect(ran).toEqual([`umount -l ${data}/volumes/disk`]);
    expect(existsSync(join(data, "volumes/disk/precious"))).toBe(true);
    // A disk of its own is emptied, and stays where it is mounted.
    await removeTree(machine(), data, proc(line("/") + line(data)));
    expect(readdirSync(data)).toEqual([]);
    await removeTree(machine(), data, proc(line("/")));
    expect(existsSync(data)).toBe(false);
  });

  test("running containers are found by what watches them", () => {
    const folder = proc("");
    const process = (pid: number, ...words: string[]) => {
      mkdirSync(join(folder, String(pid)));
      writeFileSync(join(folder, String(pid), "cmdline"), `${words.join("\0")}\0`);
    };
    process(10, "/usr/bin/conmon", "--cid=abc", "--bundle=/run/berth/containers/abc");
    process(11, "/usr/bin/conmon", "--bundle=/run/other/containers/def");
    process(12, "grep", "conmon", "--bundle=/run/berth/containers/ghi");
    const engine = { socket: "", dataRoot: "", pidfile: "", execRoot: "/run/berth" };
    expect(runningContainers(engine, folder)).toEqual([{ id: "abc", monitor: 10 }]);
  });
});
