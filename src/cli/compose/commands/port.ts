import { string } from "../../flags.ts";
import { hostPort } from "../../lists/containers.ts";
import { atLeast } from "../../spec.ts";
import { parseUint } from "../../text/numbers.ts";
import { INDEX_FLAG } from "../flags.ts";
import { compose } from "../session.ts";
import { defineCompose } from "../spec.ts";

export const command = defineCompose({
  summary: "Show where a port of a service is to be reached",
  usage: "[OPTIONS] SERVICE PRIVATE_PORT",
  arity: atLeast(2),
  flags: { ...INDEX_FLAG, protocol: string("tcp or udp", { initial: "tcp", complete: ["tcp", "udp"] }) },
  async run({ cli, session, args: [service = "", text = ""], flags }) {
    const port = parseUint(text, 16);
    const project = await session.projectName();
    const { observe } = await compose();
    const { index } = flags;
    const found = await observe.publishedPort(await session.engine(), project, service, {
      port,
      protocol: flags.protocol.toLowerCase(),
      index,
    });
    cli.line(hostPort(found.ip, String(found.port)));
  },
});
