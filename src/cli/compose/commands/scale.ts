import { bool, cut } from "../../flags.ts";
import { atLeast } from "../../spec.ts";
import { parseDecimal } from "../../text/numbers.ts";
import { compose } from "../session.ts";
import { defineCompose } from "../spec.ts";

export const command = defineCompose({
  summary: "Have so many containers of services",
  usage: "[SERVICE=REPLICAS...]",
  arity: atLeast(1),
  flags: { "no-deps": bool("Leave services alone that these depend on") },
  async run({ session, args, flags }) {
    const replicas = Object.fromEntries(args.map(replicasOf));
    const project = await session.loadToRun(Object.keys(replicas).sort());
    const { scale } = await compose();
    await session.work(project, { title: "scale" }, (app) =>
      scale(app, replicas, { noDeps: flags["no-deps"] }),
    );
  },
});

function replicasOf(text: string): [string, number] {
  const [service, number] = cut(text, "=");
  if (service === "" || number === undefined || number === "")
    throw new Error(`invalid scale specifier: ${text}`);
  try {
    return [service, parseDecimal(number)];
  } catch {
    throw new Error(`invalid scale specifier: can't parse replica value as int: ${text}`);
  }
}
