/**
 * What the other rooms ask of Linux, as intents: nothing outside this room calls the kernel through FFI. Calls are
 * synchronous and short unless they return a promise; refusals of the kernel are `LinuxError`s.
 */

// Archives (a room of its own inside this one)
export * from "./archive/index.ts";
export { errorName, isErrno, LinuxError } from "./errors.ts";
// Files that a container controls
export { closeDescriptor, descriptorPath } from "./files/descriptors.ts";
export { DirHandle, type Ownership, type RenameOptions } from "./files/dir-handle.ts";
export { type FileKind, type FileStat, makeDevice, statDescriptor } from "./files/file-stat.ts";
export { flock } from "./files/flock.ts";
export { createPipe, type Pipe } from "./files/pipe.ts";
export {
  enforcesProjectQuotas,
  limitProject,
  type ProjectUse,
  projectOf,
  projectUse,
  setProject,
} from "./files/project-quota.ts";
export { punchHole } from "./files/punch-hole.ts";
export { DirEntry } from "./files/read-directory.ts";
export { shareBlocks, sharesBlocks } from "./files/reflink.ts";
export { removeDirectory } from "./files/remove-directory.ts";
export { type RemoveTreeOptions, removeTree } from "./files/remove-tree.ts";
export { resolveInRoot } from "./files/resolve-in-root.ts";
export { type FollowOption, openRoot, RootDir } from "./files/root-dir.ts";
export {
  fingerprintAtOnce,
  fingerprintDirectory,
  ScannedEntry,
  scanDescriptor,
  scanDirectory,
  scanPath,
} from "./files/scan-directory.ts";
export { type SealedCopy, sealedCopy } from "./files/sealed-copy.ts";
export { startWriteback } from "./files/start-writeback.ts";
export { treeBytes } from "./files/tree-bytes.ts";
export { canGunzip, gunzipInto } from "./gunzip/gunzip.ts";
export {
  type ArgumentCondition,
  type Comparison,
  type Libseccomp,
  openLibseccomp,
  SECCOMP_ACTIONS,
  type SystemCallFilter,
  type SystemCallRule,
} from "./libseccomp.ts";
// Mounts
export { PROPAGATIONS, type Propagation } from "./mounts/mount-flags.ts";
export {
  isMountPoint,
  listMounts,
  type MountInfo,
  type MountPropagation,
  mountPropagation,
  mountsBelow,
  parseMountInfo,
} from "./mounts/mount-info.ts";
export {
  type BindOptions,
  bindMount,
  detachBelow,
  mount,
  mountTmpfs,
  setMountPropagation,
  type TmpfsOptions,
  unmount,
} from "./mounts/mounts.ts";
export { mountOverlay, type OverlayLayers, type OverlayMount, openOverlay } from "./mounts/overlay.ts";
// Network
export { inNetworkNamespace, type NamespaceHandle } from "./namespaces/enter.ts";
export {
  createNetworkNamespace,
  NetworkNamespace,
  openNetworkNamespace,
} from "./namespaces/network-namespace.ts";
export type { Address, AddressOptions } from "./netlink/address.ts";
export { ConnectionTracking } from "./netlink/conntrack.ts";
export { type Cidr, formatIp, formatMac, parseCidr, parseIp, parseMac } from "./netlink/ip.ts";
export type { Link, LinkSettings, LinkStatistics } from "./netlink/link.ts";
export type { Route, RouteSpec } from "./netlink/route.ts";
export {
  type IpvlanMode,
  type LinkConfiguration,
  type MacvlanMode,
  RouteSocket,
  type SubLinkOptions,
  type VethOptions,
} from "./netlink/route-socket.ts";
export { unixPeer } from "./netlink/unix-diag.ts";
export { Nftables } from "./nftables.ts";
export type { Path } from "./paths.ts";
// Processes
export { CAPABILITIES, ownCapabilities, parseCapabilitySet } from "./processes/capabilities.ts";
export { processExit } from "./processes/exit.ts";
export {
  bootId,
  cpuCount,
  hardLimit,
  type Kernel,
  kernel,
  type Limit,
  type LimitName,
  memory,
  raiseSoftLimit,
} from "./processes/host.ts";
export {
  isAlive,
  openPidfd,
  processStartTime,
  reap,
  sendSignal,
  setSubreaper,
  signalPidfd,
  withUmask,
} from "./processes/processes.ts";
export { parseSignal, SIGNALS } from "./processes/signals.ts";
// Sockets and watching
export { connectDatagram, UnixDatagramSocket } from "./sockets/datagram.ts";
export { type OfferedDescriptor, openOffered } from "./sockets/offered.ts";
export { type AcceptedPeer, acceptedPeer, type PeerCredentials } from "./sockets/peer-credentials.ts";
export { connectSeqpacket, SeqpacketSocket } from "./sockets/seqpacket.ts";
export { ConsoleSocket } from "./terminals/console-socket.ts";
export type { Terminal } from "./terminals/terminal.ts";
export { watchDirectory } from "./watching/watch-directory.ts";
export { watchFile } from "./watching/watch-file.ts";
export { watchOpened } from "./watching/watch-opened.ts";
