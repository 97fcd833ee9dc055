import { bool, string } from "../../flags.ts";
import { atLeast } from "../../spec.ts";
import { TIMEOUT_FLAG } from "../flags.ts";
import { compose } from "../session.ts";
import { defineCompose } from "../spec.ts";

export const command = defineCompose({
  summary: "Stop and remove containers and networks",
  usage: "[OPTIONS] [SERVICES]",
  arity: atLeast(0),
  flags: {
    "remove-orphans": bool("Remove containers of services that the files do not have"),
    rmi: string("Also remove the services' images: all, or local: those without a name of their own", {
      complete: ["all", "local"],
    }),
    ...TIMEOUT_FLAG,
    volume: bool("Old name of --volumes", { hidden: true }),
    volumes: bool("Also remove the volumes of the files, and the containers' anonymous ones", { short: "v" }),
  },
  async run({ session, args, flags, changed }) {
    const { rmi } = flags;
    if (rmi !== "" && rmi !== "all" && rmi !== "local")
      throw new Error(`invalid value for --rmi: ${JSON.stringify(rmi)}`);
    const project = await session.projectOnEngine(args);
    const { down } = await compose();
    const removeOrphans = changed("remove-orphans")
      ? flags["remove-orphans"]
      : session.isSet("COMPOSE_REMOVE_ORPHANS");
    await session.work(project, { title: "down" }, (app) =>
      down(app, {
        services: args,
        removeOrphans,
        volumes: flags.volumes || flags.volume,
        ...(rmi !== "" && { images: rmi }),
        ...(changed("timeout") && { timeoutSeconds: flags.timeout }),
      }),
    );
  },
});
