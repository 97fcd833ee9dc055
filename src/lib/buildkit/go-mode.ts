/** Kinds of files, by the words of the rest of the engine. */
export type GoKind = "file" | "directory" | "symlink" | "fifo" | "socket" | "char" | "block";

/** Bits of Go's `os.FileMode`, by which fsutil tells a file's kind and mode. */
const DIRECTORY = 0x8000_0000;
const SYMLINK = 0x0800_0000;
const DEVICE = 0x0400_0000;
const FIFO = 0x0200_0000;
const SOCKET = 0x0100_0000;
const SETUID = 0x0080_0000;
const SETGID = 0x0040_0000;
const CHARACTER = 0x0020_0000;
const STICKY = 0x0010_0000;

const has = (mode: number, bits: number) => (mode & bits) !== 0;

/** The kind that a Go mode says; `file` where it says nothing. */
export function kindOfGoMode(mode: number): GoKind {
  if (has(mode, DIRECTORY)) return "directory";
  if (has(mode, SYMLINK)) return "symlink";
  if (has(mode, FIFO)) return "fifo";
  if (has(mode, SOCKET)) return "socket";
  if (has(mode, DEVICE)) return has(mode, CHARACTER) ? "char" : "block";
  return "file";
}

/** The permissions as Linux has them, 0 to 07777. */
export function parseGoMode(mode: number): number {
  return (
    (mode & 0o777) |
    (has(mode, SETUID) ? 0o4000 : 0) |
    (has(mode, SETGID) ? 0o2000 : 0) |
    (has(mode, STICKY) ? 0o1000 : 0)
  );
}

const KIND_BITS: Record<GoKind, number> = {
  file: 0,
  directory: DIRECTORY,
  symlink: SYMLINK,
  fifo: FIFO,
  socket: SOCKET,
  block: DEVICE,
  char: DEVICE | CHARACTER,
};

/** A Go mode of Linux's permissions. */
export function formatGoMode(kind: GoKind, permissions: number): number {
  const extra =
    (has(permissions, 0o4000) ? SETUID : 0) |
    (has(permissions, 0o2000) ? SETGID : 0) |
    (has(permissions, 0o1000) ? STICKY : 0);
  return (KIND_BITS[kind] | extra | (permissions & 0o777)) >>> 0;
}
