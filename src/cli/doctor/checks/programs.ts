import { missingFix } from "../../../lib/index.ts";
import { type Check, type Finding, fail, install, ok, warn } from "../finding.ts";
import type { Host } from "../host.ts";

async function versionOf(host: Host, path: string, word: string): Promise<string | undefined> {
  const { stdout } = await host.run(path, ["--version"]);
  return new RegExp(`${word} version:? (\\S+)`).exec(stdout)?.[1];
}

const runc: Check = async (host) => {
  const id = "programs.runc";
  const path = host.find("runc");
  const how = install(host, { apt: "runc" });
  if (path === undefined) return fail(id, "runc is not installed", "it makes the containers", how);
  const version = await versionOf(host, path, "runc");
  if (version === undefined)
    return fail(
      id,
      `${path} --version does not answer`,
      "it makes the containers",
      how.replace("install", "reinstall"),
    );
  const missing = missingFix(version);
  if (missing === undefined) return ok(id, `runc ${version}`);
  return warn(
    id,
    `runc ${version} has known ways out of a container: ${missing}`,
    "an image, or whoever may start containers from a folder of his, can become root on this host",
    how,
    "# or put a newer one to /usr/local/sbin: https://github.com/opencontainers/runc/releases",
  );
};

const crun: Check = async (host) => {
  const id = "programs.crun";
  const path = host.find("crun");
  if (path !== undefined)
    return ok(id, `crun ${(await versionOf(host, path, "crun")) ?? "of unknown version"}`);
  return warn(
    id,
    "crun is not installed: runc makes the containers",
    "each start takes about twice as long, exec too",
    install(host, { apt: "crun" }),
  );
};

const conmon: Check = async (host) => {
  const id = "programs.conmon";
  const path = host.find("conmon");
  const how = install(host, { apt: "conmon" });
  if (path === undefined)
    return fail(id, "conmon is not installed", "it watches containers, so that they outlive the engine", how);
  const version = await versionOf(host, path, "conmon");
  return ok(id, `conmon ${version ?? "of unknown version"}`);
};

const nftables: Check = async (host) => {
  const id = "programs.nftables";
  const path = host.find("nft");
  const how = install(host, { apt: "nftables" });
  const hasLibrary = [
    "/usr/lib",
    "/usr/lib64",
    "/lib",
    ...host.list("/usr/lib").map((name) => `/usr/lib/${name}`),
  ].some((folder) => host.status(`${folder}/libnftables.so.1`) !== undefined);
  if (path === undefined && !hasLibrary)
    return fail(
      id,
      "nftables is not installed",
      "ports are published and networks kept apart by its rules",
      how,
    );
  const version =
    path === undefined ? undefined : /v(\d\S*)/.exec((await host.run(path, ["--version"])).stdout)?.[1];
  if (hasLibrary) return ok(id, `nftables ${version ?? "library"}`);
  return warn(
    id,
    "libnftables.so.1 is not there: rules are changed by starting nft",
    "each start of a container with networks takes some 20 ms longer",
    install(host, { apt: "libnftables1", dnf: "nftables-libs", apk: "libnftables", pacman: "nftables" }),
  );
};

const OPTIONAL = [
  { names: ["tini-static", "docker-init", "tini"], what: "tini", for: "run --init", apt: "tini" },
  { names: ["ps"], what: "ps", for: "top", apt: "procps" },
  { names: ["git"], what: "git", for: "builds from addresses of repositories", apt: "git" },
  { names: ["ip"], what: "iproute2", for: "a look at networks by hand", apt: "iproute2" },
] as const;

const others: Check = (host): Finding[] =>
  OPTIONAL.map(({ names, what, apt, for: use }) => {
    const id = `programs.${what}`;
    return host.find(...names) === undefined
      ? warn(id, `${what} is not installed`, `it is needed for: ${use}`, install(host, { apt }))
      : ok(id, what);
  });

export const PROGRAMS: readonly Check[] = [runc, crun, conmon, nftables, others];
