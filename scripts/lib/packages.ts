import { existsSync, rmSync, writeFileSync } from "node:fs";
import { fail, mustRun, run, say } from "./shell.ts";

/** A Debian package and the file by which one sees that it, or the same program from elsewhere, is there. */
interface SystemPackage {
  readonly name: string;
  readonly programs: readonly string[];
  /** Where a program of the same name may be another one, or there is none: the file that is looked for. */
  readonly file?: string;
  /** berth goes without it where it cannot be had. */
  readonly isOptional?: boolean;
}

/** Inflates layers faster; on other machines it is not used. */
const ISAL: SystemPackage = {
  name: "libisal2",
  programs: [],
  file: "/usr/lib/x86_64-linux-gnu/libisal.so.2",
  isOptional: true,
};

/** What berth runs on. */
export const ENGINE_PACKAGES: readonly SystemPackage[] = [
  { name: "crun", programs: ["crun"], isOptional: true },
  { name: "runc", programs: ["runc"] },
  { name: "conmon", programs: ["conmon"] },
  { name: "nftables", programs: ["nft"] },
  { name: "iproute2", programs: ["ip"] },
  { name: "tini", programs: ["tini-static", "docker-init", "tini"] },
  { name: "busybox-static", programs: ["busybox"] },
  ...(process.arch === "x64" ? [ISAL] : []),
];

/** What the benchmark measures with. */
export const BENCH_PACKAGES: readonly SystemPackage[] = [
  { name: "iperf3", programs: ["iperf3"] },
  { name: "dnsperf", programs: ["dnsperf"] },
  { name: "debootstrap", programs: ["debootstrap"] },
  { name: "docker-registry", programs: ["docker-registry"] },
  { name: "wrk", programs: ["wrk"] },
  { name: "docker-compose", programs: [], file: "/usr/bin/docker-compose" },
];

/** What the tests need beyond that: a real docker client, and peers to exchange images with. */
export const TEST_PACKAGES: readonly SystemPackage[] = [
  ...ENGINE_PACKAGES,
  { name: "docker.io", programs: ["docker"] },
  { name: "python3-docker", programs: [], file: "/usr/lib/python3/dist-packages/docker/__init__.py" },
  { name: "curl", programs: ["curl"] },
  { name: "procps", programs: ["ps"] },
  { name: "skopeo", programs: ["skopeo"] },
  { name: "openssl", programs: ["openssl"] },
  { name: "xfsprogs", programs: ["mkfs.xfs"] },
  { name: "nginx", programs: ["nginx"] },
  { name: "apache2-utils", programs: ["ab"] },
  { name: "bind9-dnsutils", programs: ["dig"] },
  { name: "dnsmasq-base", programs: ["dnsmasq"] },
  ...BENCH_PACKAGES,
];

/** Installs with apt what is missing, after saying what that will be. */
export async function installPackages(packages: readonly SystemPackage[]): Promise<void> {
  const missing = packages.filter((wanted) => !isPresent(wanted));
  if (missing.length === 0) return;
  const required = missing.filter(({ isOptional }) => isOptional !== true).map(({ name }) => name);
  const optional = missing.filter(({ isOptional }) => isOptional === true).map(({ name }) => name);
  if (Bun.which("apt-get") === null) {
    if (required.length === 0) return;
    fail(`These programs are missing, and there is no apt-get to install them with: ${required.join(", ")}`);
  }
  say(`Installing system packages with apt-get: ${[...required, ...optional].join(", ")}`);
  using _quiet = withoutServices();
  if (required.length > 0 && !(await installed(required))) await mustRun(installing(required));
  for (const name of optional) {
    if (!(await installed([name]))) say(`${name} cannot be had; berth goes without it.`);
  }
}

/** @returns whether it could be done. The usual reason why not is a package list that is old or was never fetched. */
async function installed(names: readonly string[]): Promise<boolean> {
  if ((await run(installing(names))).code === 0) return true;
  await run(["apt-get", "update"]);
  return (await run(installing(names))).code === 0;
}

function installing(names: readonly string[]): string[] {
  return ["apt-get", "install", "--yes", "--no-install-recommends", ...names];
}

/**
 * Programs are wanted, and not the services that their packages would start (a web server on port 80, a registry): Debian asks
 * this script before it starts one, and 101 forbids it (invoke-rc.d(8)). The user's own script is left as it is.
 */
function withoutServices(): Disposable {
  const policy = "/usr/sbin/policy-rc.d";
  if (existsSync(policy)) return { [Symbol.dispose]() {} };
  writeFileSync(policy, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  const remove = () => rmSync(policy, { force: true });
  // A failed installation ends the process.
  process.once("exit", remove);
  return { [Symbol.dispose]: remove };
}

function isPresent(wanted: SystemPackage): boolean {
  if (wanted.file !== undefined) return existsSync(wanted.file);
  return wanted.programs.some(
    (program) =>
      Bun.which(program) !== null || existsSync(`/usr/sbin/${program}`) || existsSync(`/sbin/${program}`),
  );
}
