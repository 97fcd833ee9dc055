import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { mustRun, ROOT, say } from "./shell.ts";

/** Clients of the npm registry that the tests drive, in a package of their own: who only starts berth does not pay for them. */
export const CLIENT_PACKAGES = join(ROOT, "test", "clients", "packages");

/** Whether a test file drives one of them. */
export function drivesPackagedClients(file: string): boolean {
  return readFileSync(join(ROOT, file), "utf8").includes("/support/node-client.ts");
}

/** `npm ci`, unless what is installed is already what the lock file says. No install script is run: no client needs one. */
export async function installClientPackages(): Promise<void> {
  const installed = join(CLIENT_PACKAGES, "node_modules", ".package-lock.json");
  const lock = join(CLIENT_PACKAGES, "package-lock.json");
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return;
  say("Installing the clients that the tests drive (npm ci) …");
  await mustRun(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: CLIENT_PACKAGES,
  });
}
