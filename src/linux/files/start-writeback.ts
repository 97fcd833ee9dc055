import { rawSyscall } from "../libc.ts";

const syncFileRange = rawSyscall(["i32", "i64", "i64", "u32"]);
const SYS_sync_file_range = process.arch === "arm64" ? 84 : 277;
/** sync_file_range(2): begins to write what is not being written, and waits for nothing. */
const SYNC_FILE_RANGE_WRITE = 2;

/**
 * Has the kernel begin to write a part of an open file to the disk, so that a sync later has less to wait for. No more than a
 * wish: nothing is durable by it, and where it cannot be fulfilled nothing happens. May wait where the disk has much to do.
 */
export function startWriteback(fd: number, offset: number, length: number): void {
  syncFileRange(SYS_sync_file_range, fd, offset, length, SYNC_FILE_RANGE_WRITE);
}
