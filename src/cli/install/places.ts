import { join } from "node:path";

/** Where things go, as they are named when the machine runs: `--root` stands before them while they are written. */
export interface Places {
  readonly executable: string;
  readonly manifest: string;
  readonly service: string;
  readonly socket: string;
  readonly completion: Readonly<Record<"bash" | "zsh" | "fish", string>>;
}

/**
 * @param prefix `/usr/local`, or `/usr` for a package of a distribution, whose units are in its own folder: those in /etc
 * are the administrator's
 */
export function placesOf(prefix: string): Places {
  const units = prefix === "/usr" ? "/usr/lib/systemd/system" : "/etc/systemd/system";
  const share = join(prefix, "share");
  return {
    executable: join(prefix, "bin/berth"),
    manifest: join(share, "berth/installed.json"),
    service: join(units, "berth.service"),
    socket: join(units, "berth.socket"),
    completion: {
      bash: join(share, "bash-completion/completions/berth"),
      zsh: join(share, "zsh/site-functions/_berth"),
      fish: join(share, "fish/vendor_completions.d/berth.fish"),
    },
  };
}
