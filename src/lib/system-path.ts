/**
 * Where programs of the host are looked for: root's directories, never the PATH of who started us, which may point
 * anywhere. The last two are where other distributions keep conmon.
 */
export const SYSTEM_PATH: readonly string[] = [
  "/usr/local/sbin",
  "/usr/local/bin",
  "/usr/sbin",
  "/usr/bin",
  "/sbin",
  "/bin",
  "/usr/libexec/podman",
  "/usr/lib/podman",
];
