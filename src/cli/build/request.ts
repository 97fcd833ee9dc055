import type { Query } from "../../sdk/index.ts";
import type { Ulimit } from "../../wire/index.ts";
import type { Cli } from "../cli.ts";
import { parseCsv } from "../options/csv.ts";
import { pairsToRecord } from "../options/environment.ts";

/** The flags of `build` that the engine is told as they are. */
export interface BuildFlags {
  readonly "add-host": readonly string[];
  readonly "build-arg": readonly string[];
  readonly "cache-from": readonly string[];
  readonly "cache-to": readonly string[];
  readonly "cgroup-parent": string;
  readonly "cpu-period": number;
  readonly "cpu-quota": number;
  readonly "cpu-shares": number;
  readonly "cpuset-cpus": string;
  readonly "cpuset-mems": string;
  readonly label: readonly string[];
  readonly memory: number;
  readonly "memory-swap": number;
  readonly network: string;
  readonly "no-cache": boolean;
  readonly "no-cache-filter": readonly string[];
  readonly platform: string;
  readonly provenance: string;
  readonly pull: boolean;
  readonly reproducible: boolean;
  readonly "security-opt": readonly string[];
  readonly "shm-size": number;
  readonly squash: boolean;
  readonly tag: readonly string[];
  readonly target: string;
  readonly ulimit: readonly Ulimit[];
}

export const json = (value: object): string | undefined =>
  Object.keys(value).length === 0 ? undefined : JSON.stringify(value);

/** What `POST /build` is asked, whichever of the two ways. */
export function commonQuery(cli: Cli, flags: BuildFlags): Query {
  return {
    t: flags.tag,
    extrahosts: flags["add-host"].join(","),
    buildargs: json(buildArguments(cli, flags)),
    cachefrom: json(cacheSources(flags["cache-from"])),
    cgroupparent: flags["cgroup-parent"],
    cpuperiod: flags["cpu-period"] || undefined,
    cpuquota: flags["cpu-quota"] || undefined,
    cpushares: flags["cpu-shares"] || undefined,
    cpusetcpus: flags["cpuset-cpus"],
    cpusetmems: flags["cpuset-mems"],
    labels: json(pairsToRecord(flags.label)),
    memory: flags.memory || undefined,
    memswap: flags["memory-swap"] || undefined,
    networkmode: flags.network,
    nocache: flags["no-cache"],
    platform: flags.platform || (cli.env["DOCKER_DEFAULT_PLATFORM"] ?? ""),
    pull: flags.pull,
    securityopt: json(flags["security-opt"]),
    shmsize: flags["shm-size"] || undefined,
    squash: flags.squash,
    target: flags.target,
    ulimits: json(flags.ulimit),
  };
}

/** An argument without a value, which nobody here knows either, takes the one of the Dockerfile away. */
function buildArguments(cli: Cli, flags: BuildFlags): Record<string, string | null> {
  const given = flags["build-arg"].map((pair): [string, string | null] => {
    const at = pair.indexOf("=");
    return at < 0 ? [pair, null] : [pair.slice(0, at), pair.slice(at + 1)];
  });
  const epoch = cli.env["SOURCE_DATE_EPOCH"] || (flags.reproducible ? "0" : undefined);
  return { ...(epoch === undefined ? {} : { SOURCE_DATE_EPOCH: epoch }), ...Object.fromEntries(given) };
}

/** `image,image`, or `type=registry,ref=image`. @throws for other kinds of caches */
export function cacheSources(specs: readonly string[]): string[] {
  return specs.flatMap((spec) => {
    const fields = parseCsv(spec);
    if (!fields.some((field) => field.includes("="))) return fields.filter((field) => field !== "");
    const { type = "", ref = "" } = Object.fromEntries(fields.map((field) => field.split(/=(.*)/s)));
    if (type !== "registry")
      throw new Error(`cache import of type ${JSON.stringify(type)} is not supported: only registry is`);
    if (ref === "") throw new Error("a cache of type registry needs its image: ref=…");
    return [ref];
  });
}

/** Whether the image is to carry what the next build's `--cache-from` needs. @throws for other kinds of caches */
export function wantsInlineCache(specs: readonly string[]): boolean {
  for (const spec of specs) {
    if (spec === "inline") continue;
    const { type = "" } = Object.fromEntries(parseCsv(spec).map((field) => field.split(/=(.*)/s)));
    if (type !== "inline")
      throw new Error(`cache export of type ${JSON.stringify(type)} is not supported: only inline is`);
  }
  return specs.length > 0;
}

/** `--provenance=false`, `mode=min`, `disabled=true`. */
export function wantsProvenance(text: string): boolean {
  return !/^(false|0|f|no)$/i.test(text) && !/(^|,)disabled=true(,|$)/i.test(text);
}
