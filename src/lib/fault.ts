/**
 * A named place at which a test may kill the daemon, to prove that the next start repairs what was half
 * done. `BERTH_FAULT_POINT=name` arms one; an unarmed point costs one comparison.
 */
const armed = process.env["BERTH_FAULT_POINT"];

export function faultPoint(name: string): void {
  if (armed === undefined || armed !== name) return;
  process.stderr.write(`fault point ${name}: killing this process\n`);
  process.kill(process.pid, "SIGKILL");
}
