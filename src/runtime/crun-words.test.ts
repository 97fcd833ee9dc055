import { expect, test } from "bun:test";
import { fromCrun } from "./crun-words.ts";

const create = (words: string, executable = "/bin/tool") => fromCrun(words, { step: "create", executable });
const START = "crun create failed: unable to start container process: ";

test.each([
  [
    "executable file `nosuch` not found in $PATH: No such file or directory",
    'exec: "nosuch": executable file not found in $PATH',
  ],
  [
    "executable file `/no/such` not found in $PATH: No such file or directory",
    'exec: "/no/such": stat /no/such: no such file or directory',
  ],
  ["open executable: Permission denied", 'exec: "/bin/tool": permission denied'],
  ["open executable: Operation not permitted", 'exec: "/bin/tool": permission denied'],
  ["mkdir `/bin/busybox/x`: Not a directory", "mkdir `/bin/busybox/x`: not a directory"],
  ["open /proc/sys/net/foo: No such file or directory", "open /proc/sys/net/foo: no such file or directory"],
  ["write to `x`: I/O error", "write to `x`: I/O error"],
  ["unknown capability: CAP_NOPE", "unknown capability: CAP_NOPE"],
])("%p becomes %p", (crun, runc) => {
  expect(create(crun)).toBe(START + runc);
});

test("an exec and a command that starts nothing have their own beginnings", () => {
  const words = "executable file `x` not found in $PATH: No such file or directory";
  const reason = 'exec: "x": executable file not found in $PATH';
  expect(fromCrun(words, { step: "exec", executable: "x" })).toBe(
    `exec failed: unable to start container process: ${reason}`,
  );
  expect(fromCrun("cannot open: No such file or directory")).toBe("cannot open: no such file or directory");
});
