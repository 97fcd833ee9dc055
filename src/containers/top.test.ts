import { expect, test } from "bun:test";
import { parsePsArgs, parsePsOutput } from "./top.ts";

const OUTPUT = `UID        PID  PPID  C STIME TTY          TIME CMD
root        11     1  0 10:00 ?        00:00:00 /bin/sh -c sleep 5
root        12    11  0 10:00 ?        00:00:00 sleep 5
root        99     1  0 10:00 ?        00:00:00 not ours
`;

test("only the container's processes are shown, and a command keeps its blanks", () => {
  expect(parsePsOutput(OUTPUT, new Set([11, 12]))).toEqual({
    Titles: ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"],
    Processes: [
      ["root", "11", "1", "0", "10:00", "?", "00:00:00", "/bin/sh -c sleep 5"],
      ["root", "12", "11", "0", "10:00", "?", "00:00:00", "sleep 5"],
    ],
  });
});

test("threads follow their process", () => {
  const text = "PID TTY CMD\n11 ? sh\n- ? -\n99 ? other\n- ? -\n";
  expect(parsePsOutput(text, new Set([11])).Processes).toEqual([
    ["11", "?", "sh"],
    ["-", "?", "-"],
  ]);
});

test("output that tells no ids shows nothing", () => {
  expect(() => parsePsOutput("TTY CMD\n? sh\n", new Set([1]))).toThrow(
    "Couldn't find PID field in ps output",
  );
  expect(() => parsePsOutput("PID CMD\nx sh\n", new Set([1]))).toThrow("Unexpected pid 'x'");
});

test("a column that only calls itself PID is refused", () => {
  expect(parsePsArgs("-o pid,cmd")).toEqual(["-o", "pid,cmd"]);
  expect(parsePsArgs("-o pid=PID  aux")).toEqual(["-o", "pid=PID", "aux"]);
  expect(() => parsePsArgs("-o ppid=PID,cmd")).toThrow('specifying "ppid=PID,cmd" is not allowed');
});
