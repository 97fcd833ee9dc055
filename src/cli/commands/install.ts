import { ExitError } from "../errors.ts";
import { bool } from "../flags.ts";
import { machineOf, PLACE_FLAGS } from "../install/flags.ts";
import { install } from "../install/install.ts";
import { placesOf } from "../install/places.ts";
import { enginePlaces, stopForeignEngine } from "../install/running.ts";
import { defineCommand, NO_ARGUMENTS } from "../spec.ts";

export const command = defineCommand({
  summary: "Put berth in place on this machine: program, service, completion",
  description: `Put berth in place on this machine: program, service, completion

Copies this program to the prefix, makes the group berth, whose members may use
the engine, and the completion of bash, zsh and fish, and has systemd start the
engine, now and whenever the machine starts. What is there already as it should
be is left; so a new version takes the place of an old one, and containers go on
meanwhile. 'berth uninstall' takes back all of it.`,
  usage: "[OPTIONS]",
  arity: NO_ARGUMENTS,
  flags: {
    ...PLACE_FLAGS,
    force: bool("Replace files that were changed, or that something else has written", { short: "f" }),
  },
  async run({ cli, flags }) {
    const places = placesOf(flags.prefix.replace(/(.)\/+$/, "$1"));
    const machine = machineOf(cli, flags);
    await install(machine, {
      ...{ places, executable: ownProgram(), force: flags.force },
      stopOther: () => stopForeignEngine(machine, enginePlaces()),
    });
  },
});

/** @throws ExitError for a client that is run from its source */
function ownProgram(): string {
  if (Bun.main.startsWith("/$bunfs/")) return process.execPath;
  throw new ExitError(
    1,
    "this berth runs from its source: build the program first (npm run build), and use that one",
  );
}
