import { bool, string } from "../../flags.ts";
import { atLeast } from "../../spec.ts";
import { timeOf } from "../../text/timestamps.ts";
import { colours } from "../colours.ts";
import { INDEX_FLAG } from "../flags.ts";
import { plainWriter } from "../output/line-writer.ts";
import { LogFollower } from "../output/log-follower.ts";
import { LogPrinter } from "../output/log-printer.ts";
import { Prefixes } from "../output/prefixes.ts";
import { compose, INTERRUPTED, Interruption } from "../session.ts";
import { defineCompose } from "../spec.ts";

export const command = defineCompose({
  summary: "Show what containers have printed",
  usage: "[OPTIONS] [SERVICE...]",
  arity: atLeast(0),
  flags: {
    follow: bool("Go on with what they print", { short: "f" }),
    ...INDEX_FLAG,
    "no-color": bool("Without colours"),
    "no-log-prefix": bool("Without the containers' names"),
    since: string("Show what was printed since a time (2013-01-02T13:23:37Z) or for a while (42m)"),
    tail: string("Show so many lines from the end of each container's", { short: "n", initial: "all" }),
    timestamps: bool("Show when each line was printed", { short: "t" }),
    until: string("Show what was printed before a time, or until a while ago"),
  },
  async run({ session, args, flags }) {
    if (flags.index > 0 && args.length !== 1) throw new Error("--index requires one service to be selected");
    const times = { since: timeOf("since", flags.since), until: timeOf("until", flags.until) };
    const { name, project } = await session.find(args);
    // Those that say `attach: false` are shown when they are named.
    const attached = Object.entries(project?.services ?? {}).filter(([, { attach }]) => attach !== false);
    const services = args.length > 0 ? args : attached.map(([service]) => service);
    const [engine, { observe }] = await Promise.all([session.engine(), compose()]);
    const containers =
      flags.index > 0
        ? [await observe.serviceContainer(engine, name, args[0]!, { all: true, index: flags.index })]
        : await observe.projectContainers(engine, name, { all: true, services });

    const painted = (descriptor: 1 | 2) => (flags["no-color"] ? colours.none : session.colours(descriptor));
    const writer = plainWriter();
    const prefixes = new Prefixes({
      isShown: !flags["no-log-prefix"],
      colours: { 1: painted(1), 2: painted(2) },
    });
    const printer = new LogPrinter({ prefixes, writer });
    const { follow, timestamps, tail } = flags;
    const { until } = times;
    using interruption = follow ? new Interruption() : undefined;
    const ending = new AbortController();
    const signal = AbortSignal.any([ending.signal, ...(interruption ? [interruption.signal] : [])]);
    const follower = new LogFollower({
      ...{ engine, printer, signal },
      logs: { timestamps, until },
      warn: (text) => session.warn(text),
      onFailure: () => ending.abort(),
    });
    try {
      // Watched before the logs are read, so that no container comes in between.
      const life = follow ? await observe.watchProject(engine, name, { services, signal }) : undefined;
      const logs = { timestamps, tail, ...times, follow, signal };
      const names = containers.map((one) => observe.shortName(observe.canonicalName(one), one.Labels));
      printer.register(names);
      await Promise.all(
        containers.map((one, index) =>
          follower.follow(one.Id, names[index]!, () => engine.containers.logs(one.Id, logs)),
        ),
      );
      for await (const event of life ?? []) follower.turn(event);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
    await follower.finished();
    await writer.flush();
    return interruption?.signal.aborted === true ? INTERRUPTED : 0;
  },
});
