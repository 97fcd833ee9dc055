import type { BuildOptions } from "../../sdk/index.ts";
import type { Ulimit } from "../../wire/index.ts";
import type { Cli } from "../cli.ts";
import { pairsToRecord } from "../options/environment.ts";

/** The flags of `build` that the engine is told as they are. */
export interface RequestFlags {
  readonly "add-host": readonly string[];
  readonly allow: readonly string[];
  readonly attest: readonly string[];
  readonly "build-arg": readonly string[];
  readonly "build-context": readonly string[];
  readonly "cache-from": readonly string[];
  readonly "cache-to": readonly string[];
  readonly "cgroup-parent": string;
  readonly compress: boolean;
  readonly "cpu-period": number;
  readonly "cpu-quota": number;
  readonly "cpu-shares": number;
  readonly "cpuset-cpus": string;
  readonly "cpuset-mems": string;
  readonly "force-rm": boolean;
  readonly isolation: string;
  readonly label: readonly string[];
  readonly memory: number;
  readonly "memory-swap": number;
  readonly "metadata-file": string;
  readonly network: string;
  readonly "no-cache": boolean;
  readonly "no-cache-filter": readonly string[];
  readonly platform: string;
  readonly provenance: string;
  readonly pull: boolean;
  readonly push: boolean;
  readonly quiet: boolean;
  readonly reproducible: boolean;
  readonly rm: boolean;
  readonly sbom: string;
  readonly "security-opt": readonly string[];
  readonly "shm-size": number;
  readonly squash: boolean;
  readonly ssh: readonly string[];
  readonly tag: readonly string[];
  readonly target: string;
  readonly ulimit: readonly Ulimit[];
}

/** What of the request the flags say directly. @throws with Docker's words */
export function requestOptions(cli: Cli, flags: RequestFlags): BuildOptions {
  const platform = flags.platform || (cli.env["DOCKER_DEFAULT_PLATFORM"] ?? "");
  return {
    allow: flags.allow,
    args: buildArguments(cli, flags),
    cacheFrom: flags["cache-from"],
    cacheTo: flags["cache-to"],
    cgroupParent: flags["cgroup-parent"],
    contexts: Object.fromEntries(flags["build-context"].map(parseContext)),
    cpuPeriod: flags["cpu-period"],
    cpuQuota: flags["cpu-quota"],
    cpuShares: flags["cpu-shares"],
    cpusetCpus: flags["cpuset-cpus"],
    cpusetMems: flags["cpuset-mems"],
    extraHosts: flags["add-host"],
    labels: pairsToRecord(flags.label),
    memoryBytes: flags.memory,
    memorySwapBytes: flags["memory-swap"],
    metadata: flags["metadata-file"] !== "",
    network: flags.network,
    noCache: flags["no-cache"],
    noCacheFilter: flags["no-cache-filter"],
    platforms: platform === "" ? [] : [platform],
    ...attestations(flags),
    pull: flags.pull,
    push: flags.push,
    quiet: flags.quiet,
    securityOptions: flags["security-opt"],
    shmSizeBytes: flags["shm-size"],
    squash: flags.squash,
    ssh: flags.ssh,
    tags: flags.tag,
    target: flags.target,
    ulimits: flags.ulimit,
    classic: {
      compress: flags.compress,
      forceRemove: flags["force-rm"],
      isolation: flags.isolation,
      keepContainers: !flags.rm,
    },
  };
}

const isOff = (text: string) => /^(false|0|f|no)$/i.test(text) || /(^|,)disabled=true(,|$)/i.test(text);

/** What `--attest`, `--provenance` and `--sbom` come to. @throws for what is not made here */
function attestations({ attest, provenance, sbom }: RequestFlags): Pick<BuildOptions, "provenance" | "sbom"> {
  let wanted = provenance;
  let sbomSpec = sbom;
  for (const spec of attest) {
    const type = /(?:^|,)type=([^,]*)/.exec(spec)?.[1] ?? spec;
    if (type === "provenance") wanted = isOff(spec) ? "false" : "true";
    else if (type === "sbom") sbomSpec = spec;
    else
      throw new Error(
        `unsupported attestation type ${JSON.stringify(type)}: provenance and sbom are supported`,
      );
  }
  if (/(^|,)generator=/.test(sbomSpec))
    throw new Error(
      "generators of SBOMs are not supported: the engine lists packages itself, and runs no image for it",
    );
  return { provenance: wanted, sbom: !isOff(sbomSpec) };
}

/** An argument without a value, which nobody here knows either, takes the one of the Dockerfile away. */
function buildArguments(cli: Cli, flags: RequestFlags): Record<string, string | null> {
  const given = flags["build-arg"].map((pair): [string, string | null] => {
    const at = pair.indexOf("=");
    return at < 0 ? [pair, null] : [pair.slice(0, at), pair.slice(at + 1)];
  });
  const epoch = cli.env["SOURCE_DATE_EPOCH"] || (flags.reproducible ? "0" : undefined);
  return { ...(epoch === undefined ? {} : { SOURCE_DATE_EPOCH: epoch }), ...Object.fromEntries(given) };
}

/** `name=folder`, `name=docker-image://…`, `name=oci-layout://…`, `name=https://…`. */
export function parseContext(spec: string): [string, string] {
  const at = spec.indexOf("=");
  const value = spec.slice(at + 1);
  if (at <= 0 || value === "") throw new Error(`invalid context value: ${spec}, expected key=value`);
  return [spec.slice(0, at), value];
}
