import { NIL_LIST, NIL_MAP, type Value } from "./values.ts";

/** Objects under these names are Go's maps in Docker's types: printed as such, and absent keys are no error. */
const MAPS: ReadonlySet<string> = new Set([
  "Annotations",
  "Attributes",
  "AuxiliaryAddresses",
  "Config.Config",
  "Containers",
  "Data",
  "Details",
  "DriverOpts",
  "EndpointsConfig",
  "ExposedPorts",
  "IndexConfigs",
  "Labels",
  "LogConfig.Config",
  "Networks",
  "Options",
  "PortBindings",
  "Ports",
  "Runtimes",
  "StorageOpt",
  "Sysctls",
  "Tmpfs",
  "Volumes",
]);

/** Fields that Docker leaves out of its JSON where they are empty; templates find them empty all the same. */
const EMPTY: Readonly<Record<string, Readonly<Record<string, () => Value>>>> = {
  HostConfig: {
    Annotations: () => new Map(),
    Init: () => null,
    Mounts: () => [],
    Runtime: () => "",
    StorageOpt: () => new Map(),
    Sysctls: () => new Map(),
    Tmpfs: () => new Map(),
  },
  State: { Health: () => null },
  Config: {
    ArgsEscaped: () => false,
    ExposedPorts: () => new Map(),
    Healthcheck: () => null,
    MacAddress: () => "",
    NetworkDisabled: () => false,
    OnBuild: () => [],
    Shell: () => [],
    StopSignal: () => "",
    StopTimeout: () => null,
    Volumes: () => new Map(),
  },
};

/** Fields that are pointers in Docker's types, so that `null` is `<nil>` and no empty list. */
const POINTERS: ReadonlySet<string> = new Set([
  "Health",
  "Healthcheck",
  "Init",
  "MemorySwappiness",
  "OomKillDisable",
  "PidsLimit",
  "StopTimeout",
  "UsageData",
  "IPAMConfig",
]);

/** JSON as a template sees Docker's own types: see `values.ts`. */
export function fromJson(text: string): Value {
  return typed(JSON.parse(text, keepDigits), "", "");
}

/** Integers beyond 2^53 keep their digits. */
function keepDigits(_key: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value !== "number" || Number.isSafeInteger(value)) return value;
  return context?.source !== undefined && /^-?\d+$/.test(context.source) ? BigInt(context.source) : value;
}

function typed(value: unknown, name: string, parent: string): Value {
  const isMap = MAPS.has(name) || MAPS.has(`${parent}.${name}`);
  if (value === null) return isMap ? NIL_MAP : POINTERS.has(name) ? null : NIL_LIST;
  if (typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map((each) => typed(each, "", name));
  const entries = Object.entries(value).map(([key, each]): [string, Value] => [
    key,
    typed(each, isMap ? "" : key, name),
  ]);
  if (isMap) return new Map(entries);
  const record = Object.fromEntries(entries);
  for (const [key, empty] of Object.entries(EMPTY[name] ?? {})) {
    if (!Object.hasOwn(record, key))
      Object.defineProperty(record, key, { value: empty(), enumerable: false });
  }
  return record;
}
