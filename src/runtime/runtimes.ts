import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { invalidParameter, isOlder, log, missingFix } from "../lib/index.ts";
import { withoutUnifiedCgroups } from "./cgroup-view.ts";
import type { Cgroups } from "./cgroups/contract.ts";
import { hostCgroups } from "./cgroups/host.ts";
import type { HostFacts, OciRuntimes, Runtime, RuntimeName } from "./contract.ts";
import { dialectOf } from "./dialects.ts";
import { hostFacts } from "./host-facts.ts";
import { MonitoredRuntime, type RuntimeIdentity } from "./oci-runtime.ts";
import { CLEAN_ENVIRONMENT, findProgram } from "./programs.ts";
import type { RuntimeHost } from "./runtime-host.ts";
import type { UlimitRequest } from "./spec/rlimits.ts";

export interface RuntimesOptions {
  readonly execRoot: string;
  /** `/<instance name>`. */
  readonly cgroupParent: string;
  /** daemon.json's `runtimes`: name → program (a path, or a name to look for) and arguments of its own. */
  readonly configured?: Readonly<
    Record<string, { readonly path?: string; readonly runtimeArgs?: readonly string[] | null }>
  >;
  /** daemon.json's `default-runtime`; without, the best that is installed. */
  readonly default?: string;
  readonly defaultUlimits?: readonly UlimitRequest[];
  readonly cgroups?: Cgroups;
  readonly facts?: HostFacts;
}

/** Programs with runc's command line that people name without configuring them, and Docker's older names for them. */
const WELL_KNOWN: Readonly<Record<string, readonly string[]>> = {
  runc: ["runc"],
  "io.containerd.runc.v2": ["runc"],
  crun: ["crun"],
  youki: ["youki"],
  runsc: ["runsc"],
  "kata-runtime": ["kata-runtime"],
  nvidia: ["nvidia-container-runtime"],
};

/** Opens the room: looks for programs and cgroups, makes the directories, starts nothing. */
export function openRuntimes(options: RuntimesOptions): OciRuntimes {
  return new Runtimes(options);
}

interface Candidate {
  readonly name: string;
  /** Of a program that is there. */
  readonly path: string;
  readonly args: readonly string[];
}

/** Who is meant by a runtime's name; `undefined` where there is no such program. It is not started. */
export function findRuntime(name: string, configured: RuntimesOptions["configured"]): Candidate | undefined {
  const own = configured?.[name];
  const names = own ? [own.path || name] : name.startsWith("/") ? [name] : WELL_KNOWN[name];
  const path = names && findProgram(...names);
  return path ? { name, path, args: own?.runtimeArgs ?? [] } : undefined;
}

class Runtimes implements OciRuntimes {
  readonly default: string;
  readonly #options: RuntimesOptions;
  readonly #cgroups: Cgroups;
  readonly #facts: HostFacts;
  readonly #opened = new Map<string, Promise<Runtime>>();

  constructor(options: RuntimesOptions) {
    this.#options = options;
    this.default = options.default || preferred();
    this.#cgroups = options.cgroups ?? hostCgroups();
    this.#facts = options.facts ?? hostFacts(this.#cgroups);
    for (const name of ["exits", "runtime", "tmp", "containers"]) {
      mkdirSync(join(options.execRoot, name), { recursive: true, mode: 0o700 });
    }
  }

  names(): RuntimeName[] {
    const names = new Set([...Object.keys(this.#options.configured ?? {}), ...Object.keys(WELL_KNOWN)]);
    return [...names].flatMap((name) => {
      const candidate = this.#find(name);
      return candidate ? [{ name, path: candidate.path }] : [];
    });
  }

  get(name: string | undefined): Promise<Runtime> {
    const wanted = name || this.default;
    const known = this.#opened.get(wanted);
    if (known) return known;
    const opening = this.#open(wanted);
    this.#opened.set(wanted, opening);
    // A runtime that is installed later is found later.
    opening.catch(() => this.#opened.delete(wanted));
    return opening;
  }

  async #open(name: string): Promise<Runtime> {
    const candidate = this.#find(name);
    if (!candidate) throw invalidParameter(`unknown or invalid runtime name: ${name}`);
    const identity = await probe(candidate);
    return new MonitoredRuntime(identity, this.#host());
  }

  #find(name: string): Candidate | undefined {
    return findRuntime(name, this.#options.configured);
  }

  #host(): RuntimeHost {
    return {
      conmonPath: findProgram("conmon") ?? "",
      execRoot: this.#options.execRoot,
      cgroups: this.#cgroups,
      facts: this.#facts,
      cgroupParent: this.#options.cgroupParent,
      defaultUlimits: this.#options.defaultUlimits,
    };
  }
}

/**
 * The fastest that does all: a start by crun takes a third of what it takes by runc. Where crun is missing, too old, built without
 * seccomp, or would refuse this host, it is runc.
 */
function preferred(): string {
  const crun = findRuntime("crun", undefined);
  const view = withoutUnifiedCgroups();
  if (crun === undefined || view === undefined) return "runc";
  const { success, stdout } = Bun.spawnSync([...view, crun.path, "--version"], {
    cwd: "/",
    env: CLEAN_ENVIRONMENT,
    stdio: ["ignore", "pipe", "ignore"],
    timeout: PROBE_LIMIT_MS,
  });
  const text = stdout.toString();
  const version = versionIn(text);
  const fits = success && version?.program === "crun" && !isOlder(version.number, TRIED_CRUN);
  return fits && text.includes("+SECCOMP") ? crun.name : "runc";
}

/** Debian 12's; older ones have flaws that were found since. */
const TRIED_CRUN = [1, 8, 1] as const;

type Identity = Candidate & RuntimeIdentity;

/** Milliseconds; whatever takes longer to tell its version is no runtime. */
const PROBE_LIMIT_MS = 10_000;

/** @throws InvalidParameter for a program that does not answer as a runtime does */
async function probe(candidate: Candidate): Promise<Identity> {
  const child = Bun.spawn([candidate.path, ...candidate.args, "--version"], {
    cwd: "/",
    env: CLEAN_ENVIRONMENT,
    stdio: ["ignore", "pipe", "ignore"],
    timeout: PROBE_LIMIT_MS,
    killSignal: "SIGKILL",
  });
  const [code, text] = await Promise.all([child.exited, child.stdout.text()]);
  const version = versionIn(text);
  if (code !== 0 || version === undefined) {
    throw invalidParameter(
      `unknown or invalid runtime name: ${candidate.name}: ${candidate.path} --version does not answer as an OCI runtime`,
    );
  }
  const { program, number } = version;
  if (program === "runc") warnIfOld(candidate, number);
  return { ...candidate, version: number, dialect: dialectOf(program, number) };
}

/** `runc version 1.1.5+ds1`, `crun version 1.8.1`. */
function versionIn(text: string): { program: string; number: string } | undefined {
  const [, program, number] = /^(\S+) version:? (\S+)/m.exec(text) ?? [];
  return program !== undefined && number !== undefined ? { program, number } : undefined;
}

function warnIfOld({ name, path }: Candidate, version: string): void {
  const missing = missingFix(version);
  if (missing !== undefined)
    log.warn(`this runc has known ways out of a container: ${missing}`, { name, path, version });
}
