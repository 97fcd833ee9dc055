import { humanSize } from "../../text/units.ts";
import { type Check, type Finding, fail, ok, skip, warn } from "../finding.ts";
import type { Host } from "../host.ts";
import { type Mount, mountOf } from "../mounts.ts";

/** File systems on which overlayfs keeps what containers write (kernel: Documentation/filesystems/overlayfs.rst). */
const GOOD = ["ext4", "xfs", "btrfs", "f2fs", "ext3", "ext2", "bcachefs"];
/** Those on which it does not, or not whole: what is missing is extended attributes, file types, or rename's flags. */
const BAD = [
  "overlay",
  "nfs",
  "nfs4",
  "cifs",
  "smb3",
  "vfat",
  "exfat",
  "ntfs",
  "ntfs3",
  "9p",
  "ecryptfs",
  "fuseblk",
];
const isBad = (type: string) => BAD.includes(type) || type.startsWith("fuse.");

const GIB = 1024 ** 3;
const FAIL_BELOW_BYTES = GIB;
const WARN_BELOW_BYTES = 5 * GIB;
const WARN_BELOW_SHARE = 0.05;

const elsewhere = (type: string) => [
  `# put {"data-root": "/path/on/${type}"} into /etc/berth/daemon.json, then: systemctl restart berth`,
];

/** @param root of the engine's data */
export function storageChecks(root: string): readonly Check[] {
  return [
    (host) => fileSystem(host, root),
    (host) => mountOptions(host, root),
    (host) => fileTypes(host, root),
    (host) => room(host, root),
  ];
}

function fileSystem(host: Host, root: string): Finding {
  const id = "storage.file-system";
  const type = mountOf(host, root)?.type;
  if (type === undefined) return skip(id, "/proc does not tell the file system of the data root");
  const text = `${root} is on ${type}`;
  if (GOOD.includes(type)) return ok(id, text);
  if (type === "tmpfs" || type === "ramfs")
    return warn(
      id,
      text,
      "images, volumes and containers are gone after a restart of the host",
      ...elsewhere("ext4"),
    );
  if (type === "zfs")
    return warn(id, text, "overlayfs works there from OpenZFS 2.2 on", "zfs version", ...elsewhere("ext4"));
  if (isBad(type))
    return fail(id, text, "overlayfs cannot keep there what containers write", ...elsewhere("ext4"));
  return warn(id, text, "nobody has tried overlayfs there", ...elsewhere("ext4"));
}

function mountOptions(host: Host, root: string): Finding | undefined {
  const mount = mountOf(host, root);
  if (mount === undefined) return undefined;
  const id = "storage.mount-options";
  const bad = ["noexec", "nodev", "nosuid", "ro"].filter((option) => mount.options.includes(option));
  if (bad.length === 0) return ok(id, `${mount.point} is mounted without noexec, nodev, nosuid`);
  const good = bad
    .map((option) => ({ noexec: "exec", nodev: "dev", nosuid: "suid", ro: "rw" })[option])
    .join(",");
  const mend = [
    `mount -o remount,${good} ${mount.point}`,
    `# lasting: the same in the line of ${mount.point} in /etc/fstab`,
  ];
  const text = `${mount.point} is mounted with ${bad.join(", ")}`;
  if (bad.includes("noexec") || bad.includes("ro"))
    return fail(id, text, "no program of an image or volume can be run, or nothing written", ...mend);
  return warn(id, text, "sudo, ping and the like fail in containers, or devices of images", ...mend);
}

/** XFS can be made without the types of a folder's entries, which overlayfs needs. */
async function fileTypes(host: Host, root: string): Promise<Finding | undefined> {
  const mount = mountOf(host, root) as Mount | undefined;
  const tool = host.find("xfs_info");
  if (mount?.type !== "xfs" || tool === undefined) return undefined;
  const id = "storage.d-type";
  const { stdout } = await host.run(tool, [mount.point]);
  if (!/ftype=0/.test(stdout)) return ok(id, "XFS keeps the types of entries (ftype=1)");
  return fail(
    id,
    `${mount.point} was made without the types of entries (ftype=0)`,
    "overlayfs refuses it",
    `# save what is there, then: mkfs.xfs -n ftype=1 ${mount.source}`,
  );
}

function room(host: Host, root: string): Finding[] {
  const space = host.space(root);
  if (space === undefined) return [skip("storage.space", `${root} does not tell how much room it has`)];
  return [
    bytesLeft(root, space.freeBytes, space.totalBytes),
    inodesLeft(root, space.freeInodes, space.totalInodes),
  ].flat();
}

const PRUNE = ["berth system df", "berth system prune"];

function bytesLeft(root: string, free: number, total: number): Finding {
  const id = "storage.space";
  const text = `${root} has ${humanSize(free)} free of ${humanSize(total)}`;
  const why = "pulls and builds fail, and so does what containers write";
  if (free < FAIL_BELOW_BYTES) return fail(id, text, why, ...PRUNE);
  return free < WARN_BELOW_BYTES || free < total * WARN_BELOW_SHARE
    ? warn(id, text, why, ...PRUNE)
    : ok(id, text);
}

function inodesLeft(root: string, free: number, total: number): Finding[] {
  if (total === 0) return [];
  const id = "storage.inodes";
  const text = `${root} has ${Math.floor((free / total) * 100)} % of its inodes left`;
  const why = "no more files can be made, however much room there is";
  if (free < 1000) return [fail(id, text, why, ...PRUNE)];
  return [free < total * WARN_BELOW_SHARE ? warn(id, text, why, ...PRUNE) : ok(id, text)];
}
