import { type Check, fail, ok, warn } from "../finding.ts";

/** Nobody has run this program before. */
const BEFORE = Date.UTC(2025, 0, 1);

const clock: Check = async (host) => {
  const id = "clock";
  const now = host.now.toISOString().replace(/\.\d+Z$/, "Z");
  const why =
    "certificates of registries seem to be not yet or no longer good, and times of images and logs are wrong";
  const mend = ["timedatectl set-ntp true", `date -s "2026-01-31 12:00" # the right time`];
  if (host.now.getTime() < BEFORE) return fail(id, `the clock says ${now}`, why, ...mend);
  const tool = host.status("/run/systemd/system") === undefined ? undefined : host.find("timedatectl");
  if (tool === undefined) return ok(id, `the clock says ${now}`);
  const { code, stdout } = await host.run(tool, ["show", "--property=NTPSynchronized", "--value"]);
  if (code !== 0 || stdout.trim() !== "no") return ok(id, `the clock says ${now}`);
  return warn(id, `the clock says ${now}, and nothing keeps it right`, why, mend[0]!);
};

export const CLOCK: readonly Check[] = [clock];
