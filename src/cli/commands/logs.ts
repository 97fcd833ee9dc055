import { STDERR } from "../../lib/index.ts";
import { bool, string } from "../flags.ts";
import { atLeast, defineCommand } from "../spec.ts";
import { Sink } from "../terminal/sink.ts";
import { timeOf } from "../text/timestamps.ts";

export const command = defineCommand({
  summary: "Show what containers have printed",
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  arity: atLeast(1),
  complete: "all-containers",
  flags: {
    details: bool("Also show what the log driver was told to add"),
    follow: bool("Go on with what it prints", { short: "f" }),
    since: string("Show what was printed since a time (2013-01-02T13:23:37Z) or for a while (42m)"),
    tail: string("Show so many lines from the end", { short: "n", initial: "all" }),
    timestamps: bool("Show when each line was printed", { short: "t" }),
    until: string("Show what was printed before a time, or until a while ago"),
  },
  async run({ cli, args, flags }) {
    const { follow, timestamps, details, tail } = flags;
    const engine = await cli.engine();
    const options = {
      follow,
      timestamps,
      details,
      tail,
      since: timeOf("since", flags.since),
      until: timeOf("until", flags.until),
    };
    if (args.length > 1) {
      await (await import("../actions/many-logs.ts")).printLogs(cli, engine, args, options);
      return;
    }
    const output = await engine.containers.logs(args[0]!, options);
    const stdout = new Sink(1);
    const stderr = new Sink(2);
    for await (const { stream, bytes } of output) await (stream === STDERR ? stderr : stdout).write(bytes);
    await stdout.flush();
    await stderr.flush();
  },
});
