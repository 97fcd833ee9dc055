import { bool, string } from "../../flags.ts";
import { atLeast } from "../../spec.ts";
import { INDEX_FLAG } from "../flags.ts";
import { compose } from "../session.ts";
import { defineCompose } from "../spec.ts";

export const command = defineCompose({
  summary: "Join the streams of a service's running container",
  usage: "[OPTIONS] SERVICE",
  arity: atLeast(1),
  flags: {
    "detach-keys": string("Keys that detach from the container"),
    ...INDEX_FLAG,
    "no-stdin": bool("Do not attach stdin"),
    "sig-proxy": bool("Pass signals on to the container", { initial: true }),
  },
  async run({ cli, session, args: [service = ""], flags, changed }) {
    const project = await session.projectName();
    const [engine, { oneOfService }] = await Promise.all([session.engine(), compose()]);
    const container = await oneOfService(engine, project, service, { index: flags.index });
    if (session.dryRun) return 0;
    const { command } = await import("../../commands/attach.ts");
    const { index: _, ...own } = flags;
    const name = "berth compose attach";
    return command.run({
      cli,
      name,
      flags: own,
      args: [container.id],
      changed: changed as () => boolean,
    }) as Promise<number>;
  },
});
