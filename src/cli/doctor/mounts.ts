import type { Host } from "./host.ts";

/** A line of /proc/self/mountinfo (proc_pid_mountinfo(5)). */
export interface Mount {
  readonly point: string;
  readonly type: string;
  readonly source: string;
  /** Of the mount and of its file system. */
  readonly options: readonly string[];
}

/** In the order in which they were made. */
export function mountsOf(host: Host): Mount[] {
  const text = host.read("/proc/self/mountinfo") ?? "";
  return text.split("\n").flatMap((line) => {
    const [before = "", after = ""] = line.split(" - ");
    const [, , , , point, options] = before.split(" ");
    const [type, source = "", superOptions = ""] = after.split(" ");
    if (point === undefined || options === undefined || type === undefined) return [];
    return {
      point: decode(point),
      type,
      source,
      options: [...options.split(","), ...superOptions.split(",")],
    };
  });
}

/** Blanks are written in octal. */
function decode(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}

/** The mount that a path is on: the last of those with the longest point. */
export function mountOf(host: Host, path: string): Mount | undefined {
  const holds = ({ point }: Mount) => point === "/" || path === point || path.startsWith(`${point}/`);
  return mountsOf(host)
    .filter(holds)
    .reduce<Mount | undefined>(
      (best, mount) => (best === undefined || mount.point.length >= best.point.length ? mount : best),
      undefined,
    );
}
