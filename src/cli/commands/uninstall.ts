import { confirm } from "../actions/prune.ts";
import { ExitError } from "../errors.ts";
import { bool } from "../flags.ts";
import { isDataRoot, removeTree } from "../install/data.ts";
import { machineOf, PLACE_FLAGS } from "../install/flags.ts";
import { placesOf } from "../install/places.ts";
import {
  endContainers,
  enginePlaces,
  removeNetworks,
  removeOwnNetworks,
  runningContainers,
  stopEngine,
} from "../install/running.ts";
import { disableUnits, installed, removeInstalled } from "../install/uninstall.ts";
import { defineCommand, NO_ARGUMENTS } from "../spec.ts";

export const command = defineCommand({
  summary: "Take back what 'berth install' has done",
  description: `Take back what 'berth install' has done

Stops the engine and removes exactly the files that were written, the group, and
folders that were made and are empty. What was changed since stays, and is told.
Images, containers and volumes stay too, unless --data says otherwise, and so
does /etc/berth.`,
  usage: "[OPTIONS]",
  arity: NO_ARGUMENTS,
  flags: {
    ...PLACE_FLAGS,
    data: bool("Also remove all images, containers, volumes and networks"),
    force: bool("Do not ask, and end containers that run", { short: "f" }),
  },
  async run({ cli, flags }) {
    const machine = machineOf(cli, flags);
    const places = placesOf(flags.prefix.replace(/(.)\/+$/, "$1"));
    const manifest = installed(machine, places);
    if (machine.root !== "") {
      if (flags.data)
        throw new ExitError(1, "--data is about the engine of this machine, and does not go with --root");
      return removeInstalled(machine, places, manifest);
    }
    const engine = enginePlaces();
    const running = runningContainers(engine);
    if (running.length > 0 && !flags.force) throw new ExitError(1, refusal(running.length));
    if (flags.data && !flags.force && !machine.dryRun)
      await confirm(
        cli,
        `WARNING! This will remove all images, containers, volumes and networks in ${engine.dataRoot}.\nAre you sure you want to continue?`,
      );
    if (running.length > 0) await endContainers(machine, engine, running);
    if (flags.data) await removeOwnNetworks(machine, engine);
    await disableUnits(machine, manifest);
    await stopEngine(machine, engine);
    if (flags.data) {
      if (isDataRoot(engine.dataRoot)) await removeTree(machine, engine.dataRoot);
      else machine.say(`${engine.dataRoot} holds no data of an engine, and stays`);
      await removeTree(machine, engine.execRoot);
      await removeNetworks(machine);
    }
    await removeInstalled(machine, places, manifest);
  },
});

function refusal(count: number): string {
  const containers = count === 1 ? "1 container runs" : `${count} containers run`;
  return `${containers}: nothing was changed\nEnd them first with: berth stop --all\nOr by the way with: berth uninstall --force`;
}
