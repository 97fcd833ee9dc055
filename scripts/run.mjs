// The one script that the machine's own Node runs: it puts the dependencies and Bun in place, then hands
// over to the task's TypeScript file. `node scripts/run.mjs test [arguments…]`
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const TASKS_THAT_NEED_ROOT = new Set(["start", "test", "bench"]);
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const [task, ...taskArguments] = process.argv.slice(2);

if (task === undefined || !existsSync(join(root, "scripts", `${task}.ts`))) {
  fail(`usage: node scripts/run.mjs start|test|build|package|bench`);
}
if (TASKS_THAT_NEED_ROOT.has(task) && process.getuid?.() !== 0) {
  fail(
    `berth makes namespaces, mounts and network links, which needs root. Type: sudo npm ${npmWords(task)}`,
  );
}
installDependencies();
const done = spawnSync(findBun(), [join(root, "scripts", `${task}.ts`), ...taskArguments], {
  cwd: root,
  stdio: "inherit",
});
process.exit(done.status ?? 1);

function npmWords(name) {
  return name === "start" || name === "test" ? name : `run ${name}`;
}

/** `npm ci`, unless what is installed is already what the lock file says. */
function installDependencies() {
  const installed = join(root, "node_modules", ".package-lock.json");
  const lock = join(root, "package-lock.json");
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return;
  console.error("Installing the dependencies (npm ci) …");
  const npm = spawnSync("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
  });
  if (npm.status !== 0) fail("npm ci failed; see its output above");
}

/**
 * The Bun that `npm ci` brought. npm may hold back its install script, which leaves a placeholder at the
 * usual place: the real binary is then still in the platform's own package.
 */
function findBun() {
  const candidates = [join(root, "node_modules", "bun", "bin", "bun.exe")];
  const scope = join(root, "node_modules", "@oven");
  if (existsSync(scope)) {
    for (const name of readdirSync(scope)) candidates.push(join(scope, name, "bin", "bun"));
  }
  for (const path of candidates) {
    if (existsSync(path) && spawnSync(path, ["--version"], { stdio: "ignore" }).status === 0) return path;
  }
  return fail("no working Bun under node_modules; remove node_modules and try again");
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
