import { AT_FDCWD, O_CLOEXEC, O_RDONLY } from "../constants.ts";
import { closeDescriptor, descriptorPath } from "../files/descriptors.ts";
import { RootDir } from "../files/root-dir.ts";
import { check, libc } from "../libc.ts";
import { attachMount, detachedMount, MOUNT_ATTR } from "../mounts/new-mount-api.ts";
import { cString } from "../paths.ts";

/** A read-only file system in plain files: metadata in one, the files' content in another, where it points. */
export interface ErofsFiles {
  /** Written by berth itself: nothing that came from outside is ever mounted. */
  readonly index: string;
  /** What the index calls its device. */
  readonly data: string;
}

/**
 * Mounts an EROFS image that lies in plain files (Linux 6.12), seen by nobody else: it is there for as long as the root
 * is open, or something was mounted from it. Device nodes and set-user-id bits mean nothing in the mount itself;
 * an overlay over it gives them their meaning.
 * @throws LinuxError where the kernel cannot, or refuses the image
 */
export function openErofs({ index, data }: ErofsFiles): RootDir {
  // A setting is 256 bytes at most, so that the files go by their descriptors.
  const [indexFd, dataFd] = [openFile(index), openFile(data)];
  try {
    const settings = [
      ["source", descriptorPath(indexFd)],
      ["device", descriptorPath(dataFd)],
    ] as const;
    const attributes = MOUNT_ATTR.RDONLY | MOUNT_ATTR.NODEV | MOUNT_ATTR.NOSUID;
    return new RootDir(detachedMount("erofs", settings, attributes));
  } finally {
    closeDescriptor(indexFd);
    closeDescriptor(dataFd);
  }
}

/**
 * Mounts such an image at a directory, for everybody to see, where the kernel does not stack what has no place (before
 * 6.15). The undo is `unmount`.
 */
export function mountErofs(files: ErofsFiles, target: string): void {
  using root = openErofs(files);
  attachMount(root.fd, target);
}

function openFile(path: string): number {
  return check("open", libc.openat(AT_FDCWD, cString(path), O_RDONLY | O_CLOEXEC, 0), path);
}
