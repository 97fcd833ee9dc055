import { invalidParameter } from "../../lib/index.ts";

/** What the `local` driver mounts over a volume's directory, as mount(8) takes it. */
export interface LocalMount {
  readonly type: string;
  readonly device: string;
  /** `-o`, taken apart at its commas. */
  readonly options: readonly string[];
}

const KNOWN = new Set(["type", "o", "device", "size"]);
/** Docker's table: who gives one of these must give the others too. */
const NEEDS: Readonly<Record<string, readonly string[]>> = {
  device: ["type"],
  type: ["device"],
  o: ["device", "type"],
};

/**
 * Reads `--opt`s. Undefined where there are none: the volume is a plain directory.
 * @throws InvalidParameter in Docker's words
 */
export function readLocalOptions(options: Readonly<Record<string, string>>): LocalMount | undefined {
  for (const name of Object.keys(options)) {
    if (!KNOWN.has(name)) throw invalidParameter(`invalid option: ${JSON.stringify(name)}`);
    for (const other of NEEDS[name] ?? []) {
      if (!Object.hasOwn(options, other)) {
        throw invalidParameter(`missing required option: ${JSON.stringify(other)}`);
      }
    }
  }
  if (options["size"] !== undefined) {
    throw invalidParameter("quota size requested but no quota support");
  }
  const { type, device, o } = options;
  if (type === undefined || device === undefined) return undefined;
  return { type, device, options: (o ?? "").split(",").filter((word) => word !== "") };
}

/** `o=bind` and `o=rbind` make a volume of a host directory, whatever the type says. */
export function isBind(mount: LocalMount): boolean {
  return mount.options.includes("bind") || mount.options.includes("rbind");
}

/** File systems that need the network, whose mount may take minutes to fail. */
export function isNetworkMount(mount: LocalMount): boolean {
  return /^(nfs|nfs4|cifs|smb3|ceph|9p|glusterfs)$/.test(mount.type);
}
