import { expect, test } from "bun:test";
import { parseSecurityOptions } from "./security-options.ts";

test("parseSecurityOptions() reads Docker's grammar", () => {
  expect(
    parseSecurityOptions([
      "no-new-privileges",
      "label=type:x",
      "label:disable",
      "apparmor=a=b",
      "seccomp:unconfined",
      "systempaths=unconfined",
      "writable-cgroups=false",
      "disable",
    ]),
  ).toEqual({
    noNewPrivileges: true,
    labels: ["type:x", "disable", "disable"],
    apparmor: "a=b",
    seccomp: "unconfined",
    systemPathsUnconfined: true,
    writableCgroups: false,
  });
  expect(parseSecurityOptions(["no-new-privileges=false"]).noNewPrivileges).toBe(false);
  expect(parseSecurityOptions(null).noNewPrivileges).toBe(false);
});

test.each([
  ["nonsense", 'invalid --security-opt 1: "nonsense"'],
  ["a=b", 'invalid --security-opt 2: "a=b"'],
  ["no-new-privileges=perhaps", 'invalid --security-opt 2: "no-new-privileges=perhaps"'],
  ["systempaths=x", 'invalid --security-opt 2: "systempaths=x"'],
])("%p is refused", (option, message) => {
  expect(() => parseSecurityOptions([option])).toThrow(message);
});
