import { log, messageOf } from "../../lib/index.ts";
import type { NetworkHost } from "../host.ts";
import { firstExisting } from "../host-programs.ts";
import type { RuleRunner } from "./nft.ts";

/** Where distributions keep it; a `PATH` is not to be trusted with root's programs. */
const COMMANDS = ["/usr/sbin/iptables", "/sbin/iptables", "/usr/bin/iptables"];

/**
 * Beside Docker. It sets the policy of iptables' FORWARD chain to DROP and lets through what is its own; packets of
 * our bridges meet that chain too, and a drop anywhere is final. So, where Docker is (it has a chain DOCKER-USER),
 * the end of that chain says that our bridges may pass: behind whatever the user and others have forbidden there. What
 * may really pass our own rules decide.
 */
export class DockerForward {
  readonly #host: NetworkHost;
  readonly #runner: RuleRunner;
  readonly #command = firstExisting(COMMANDS);

  constructor(host: NetworkHost, runner: RuleRunner) {
    this.#host = host;
    this.#runner = runner;
  }

  /** Idempotent; nothing happens where Docker is not. Never throws: containers work without it, among themselves. */
  async allow(bridges: readonly string[]): Promise<void> {
    const missing = this.#missing(bridges);
    for (const rule of missing.flatMap(rulesFor)) await this.#iptables("-A", rule);
  }

  async forget(bridges: readonly string[]): Promise<void> {
    if (!this.#isThere()) return;
    for (const rule of bridges.flatMap(rulesFor)) await this.#iptables("-D", rule);
  }

  #isThere(): boolean {
    return this.#command !== undefined && this.#list("DOCKER-USER") !== undefined;
  }

  #missing(bridges: readonly string[]): readonly string[] {
    if (!this.#isThere()) return [];
    const forward = this.#list("FORWARD") ?? "";
    return bridges.filter((bridge) => !forward.includes(`oifname "${bridge}"`));
  }

  /** Docker's iptables speak nftables wherever nft is younger than 2019; what the old kernel tables hold is not seen. */
  #list(chain: string): string | undefined {
    try {
      return this.#runner.run(`list chain ip filter ${chain}\n`);
    } catch {
      return undefined;
    }
  }

  async #iptables(verb: "-A" | "-D", rule: readonly string[]): Promise<void> {
    try {
      const child = this.#host.run(() =>
        Bun.spawn([this.#command!, "-w", verb, "FORWARD", ...rule], {
          stdin: "ignore",
          stdout: "ignore",
          stderr: "pipe",
          env: {},
        }),
      );
      const complaint = await new Response(child.stderr).text();
      if ((await child.exited) !== 0) throw new Error(complaint.trim());
    } catch (error) {
      log.warn("cannot let our bridges through Docker's firewall", {
        rule: rule.join(" "),
        reason: messageOf(error),
      });
    }
  }
}

function rulesFor(bridge: string): string[][] {
  return [
    ["-i", bridge, "-j", "ACCEPT"],
    ["-o", bridge, "-j", "ACCEPT"],
  ];
}
