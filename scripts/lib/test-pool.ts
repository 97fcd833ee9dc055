import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BUN, ROOT } from "./shell.ts";

export interface FileResult {
  readonly file: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly seconds: number;
  /** What the process printed; shown for failures only. */
  readonly output: string;
}

/** A file that hangs is a failure, not a stopped run. */
const FILE_TIMEOUT_MS = 8 * 60 * 1000;
/** How long after a file's end its output is waited for. */
const PIPES_TIMEOUT_MS = 5000;
const ABANDONED = ["", "a process that the tests left behind still holds their output\n"] as const;

/** Runs each test file in a Bun process of its own, `width` of them at a time, and reports as they end. */
export async function runTestFiles(
  files: readonly string[],
  width: number,
  onResult: (result: FileResult) => void,
): Promise<FileResult[]> {
  const reports = mkdtempSync(join(tmpdir(), "berth-reports-"));
  const waiting = [...files];
  const results: FileResult[] = [];
  const worker = async () => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      const result = await runTestFile(file, join(reports, `${results.length}-${Bun.hash(file)}.xml`));
      results.push(result);
      onResult(result);
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
  rmSync(reports, { recursive: true, force: true });
  return results;
}

async function runTestFile(file: string, reportPath: string): Promise<FileResult> {
  const started = performance.now();
  const child = Bun.spawn(
    [BUN, "test", `./${file}`, "--timeout=120000", "--reporter=junit", `--reporter-outfile=${reportPath}`],
    {
      cwd: ROOT,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      timeout: FILE_TIMEOUT_MS,
      killSignal: "SIGKILL",
    },
  );
  const output = Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  const code = await child.exited;
  // Something a test has left running may hold the pipes; it must not hold the whole run.
  const [stdout, stderr] = await Promise.race([output, Bun.sleep(PIPES_TIMEOUT_MS).then(() => ABANDONED)]);
  const counts = readReport(reportPath);
  // A crash, a hang or a failing hook shows in the exit code without a failed test to its name.
  const failed = (code !== 0 || stderr === ABANDONED[1]) && counts.failed === 0 ? 1 : counts.failed;
  return {
    file,
    ...counts,
    failed,
    seconds: (performance.now() - started) / 1000,
    output: `${stdout}${stderr}`,
  };
}

/** The totals of Bun's JUnit report; none where the process died before writing it. */
function readReport(path: string): { passed: number; failed: number; skipped: number } {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return { passed: 0, failed: 0, skipped: 0 };
  }
  const head = /<testsuites [^>]*>/.exec(text)?.[0] ?? "";
  const count = (name: string) => Number(new RegExp(`${name}="(\\d+)"`).exec(head)?.[1] ?? 0);
  const [tests, failed, skipped] = [count("tests"), count("failures"), count("skipped")];
  return { passed: tests - failed - skipped, failed, skipped };
}
