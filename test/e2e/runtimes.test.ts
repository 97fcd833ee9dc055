import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { IMAGE } from "../support/engine.ts";
import { useEngine } from "../support/suite.ts";

const { engine, docker, dockerResult, inspect } = useEngine();

const notesOf = (id: string) => join(engine().root, "exec/runtime", id);

describe("two runtimes side by side", () => {
  test("a container has the one that it was made with, whatever the engine prefers later", async () => {
    const usual = await docker("run", "-d", "--stop-timeout", "0", IMAGE, "sleep", "1000");
    const named = await docker(
      "run",
      "-d",
      "--stop-timeout",
      "0",
      "--runtime",
      "runc",
      IMAGE,
      "sleep",
      "1000",
    );
    expect(await inspect(usual, "{{.HostConfig.Runtime}}")).toBe("crun");
    expect(await inspect(named, "{{.HostConfig.Runtime}}")).toBe("runc");
    expect(existsSync(join(notesOf(usual), "status"))).toBe(true);
    expect(existsSync(join(notesOf(named), "state.json"))).toBe(true);
    await engine().stop();
    await engine().start({ args: ["--default-runtime", "runc"] });
    for (const id of [usual, named]) {
      expect(await docker("exec", id, "echo", "there")).toBe("there");
      await docker("pause", id);
      await docker("unpause", id);
      await docker("update", "--memory", "64m", "--memory-swap", "64m", id);
      expect(await docker("top", id)).toContain("sleep 1000");
      await docker("restart", id);
      expect(await docker("exec", id, "echo", "again")).toBe("again");
      await docker("rm", "-f", id);
      expect(existsSync(notesOf(id))).toBe(false);
    }
    const later = await docker("create", IMAGE, "true");
    expect(await inspect(later, "{{.HostConfig.Runtime}}")).toBe("runc");
    expect(await docker("info", "--format", "{{.DefaultRuntime}}")).toBe("runc");
    await docker("rm", later);
  });

  test("both refuse the same, in the same words and with the same exit codes", async () => {
    const cases: [args: string[], code: number, words: string][] = [
      [["nosuch"], 127, 'exec: "nosuch": executable file not found in $PATH'],
      [["/no/such"], 127, 'exec: "/no/such": stat /no/such: no such file or directory'],
      [["/etc"], 126, 'exec: "/etc": permission denied'],
    ];
    for (const runtime of ["crun", "runc"]) {
      for (const [args, code, words] of cases) {
        const { code: got, stderr } = await dockerResult([
          "run",
          "--rm",
          "--runtime",
          runtime,
          IMAGE,
          ...args,
        ]);
        expect({ runtime, args, code: got }).toEqual({ runtime, args, code });
        expect(stderr).toContain(words);
      }
    }
  });

  test("both confine the same", async () => {
    const look = `
      grep -E '^(Cap|Seccomp:|NoNewPrivs)' /proc/self/status
      cut -d' ' -f5 /proc/self/mountinfo | sort
      cat /proc/interrupts /proc/keys /proc/timer_list /proc/kcore | wc -c
      ls /proc/acpi /sys/firmware /proc/scsi | wc -l
      for p in /proc/sys/kernel/hostname /proc/sysrq-trigger /proc/irq/new /proc/bus/new /sys/new; do (echo x > $p) 2>&1; done
      id; ulimit -a; hostname | wc -c; stat -c '%A %u %g %n' /dev/* | grep -v /dev/core`;
    const seen = await Promise.all(
      ["crun", "runc"].map((runtime) => docker("run", "--rm", "--runtime", runtime, IMAGE, "sh", "-c", look)),
    );
    expect(seen[0]).toBe(seen[1]!);
  });
});
