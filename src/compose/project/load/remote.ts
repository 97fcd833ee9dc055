/**
 * Why a file that is named by an address is not read; undefined for a path of this machine. What comes from elsewhere could write and
 * read wherever its paths lead (CVE-2025-62725), and is not what was seen when it was chosen.
 */
export function remoteRefusal(path: string): string | undefined {
  const isRemote = /^(?:oci|https?|git|ssh):\/\/|^git@|^github\.com\//.test(path);
  return isRemote ? `${path}: Compose files are read from this machine only: fetch it before` : undefined;
}
