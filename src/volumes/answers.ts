import { systemError } from "../lib/index.ts";

const PATIENCE_MS = 10_000;

/**
 * Looks whether the directory of a file system that is not the kernel's alone (a network's, a plugin's) can be reached.
 * One whose server is gone keeps whoever touches it waiting, and that must be a process of its own, not the daemon.
 * @param look the program that looks; tests have one that never ends
 * @throws System where it does not answer, or is no directory
 */
export async function assertAnswers(
  path: string,
  patienceMs = PATIENCE_MS,
  look: readonly string[] = ["ls", "-d", "--", `${path}/.`],
): Promise<void> {
  const child = Bun.spawn([...look], {
    stdin: "ignore",
    stdout: "ignore",
    stderr: "ignore",
    env: { PATH: "/usr/bin:/bin", LC_ALL: "C" },
  });
  let timer: Timer | undefined;
  const late = new Promise<"late">((resolve) => {
    timer = setTimeout(resolve, patienceMs, "late");
  });
  const end = await Promise.race([child.exited, late]);
  clearTimeout(timer);
  if (end === 0) return;
  // It may be where no signal reaches it: nobody waits for that.
  child.kill("SIGKILL");
  child.unref();
  const seconds = patienceMs / 1000;
  throw systemError(
    end === "late"
      ? `${path} does not answer within ${seconds} s`
      : `${path} is no directory that can be reached`,
  );
}
