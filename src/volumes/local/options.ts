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

/** What a volume of this driver is, by its `--opt`s. */
export interface LocalOptions {
  /** Absent: the volume is a plain directory. */
  readonly mount?: LocalMount;
  /** Most bytes that the directory may hold. */
  readonly sizeBytes?: number;
}

/**
 * Reads `--opt`s.
 * @throws InvalidParameter in Docker's words
 */
export function readLocalOptions(options: Readonly<Record<string, string>>): LocalOptions {
  for (const name of Object.keys(options)) {
    if (!KNOWN.has(name)) throw invalidParameter(`invalid option: ${JSON.stringify(name)}`);
    for (const other of NEEDS[name] ?? []) {
      if (!Object.hasOwn(options, other)) {
        throw invalidParameter(`missing required option: ${JSON.stringify(other)}`);
      }
    }
  }
  const { type, device, o, size } = options;
  const sizeBytes = size === undefined ? 0 : parseSize(size);
  const mount =
    type === undefined || device === undefined
      ? undefined
      : { type, device, options: (o ?? "").split(",").filter((word) => word !== "") };
  return {
    ...(mount === undefined ? {} : { mount }),
    ...(sizeBytes === 0 ? {} : { sizeBytes }),
  };
}

/** `64m`, `1.5GiB`, `67108864`: Docker's units, powers of 1024. 0 means no limit. */
function parseSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?) ?([bkmgtp]?)i?b?$/i.exec(text);
  if (match === null) throw invalidParameter(`invalid size: '${text}'`);
  return Math.floor(Number(match[1]) * 1024 ** "bkmgtp".indexOf((match[2] || "b").toLowerCase()));
}

/** `o=bind` and `o=rbind` make a volume of a host directory, whatever the type says. */
export function isBind(mount: LocalMount): boolean {
  return mount.options.includes("bind") || mount.options.includes("rbind");
}

/** File systems that need the network, whose mount may take minutes to fail. */
export function isNetworkMount(mount: LocalMount): boolean {
  return /^(nfs|nfs4|cifs|smb3|ceph|9p|glusterfs)$/.test(mount.type);
}
