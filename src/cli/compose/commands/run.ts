import { describeError, ExitError } from "../../errors.ts";
import { bool, list, string } from "../../flags.ts";
import { atLeast } from "../../spec.ts";
import { isTerminal } from "../../terminal/tty.ts";
import { orphanOptions, pullChoice } from "../create-flags.ts";
import { array } from "../flags.ts";
import { compose } from "../session.ts";
import { defineCompose } from "../spec.ts";

export const command = defineCompose({
  summary: "Run one command in a container of its own of a service",
  usage: "[OPTIONS] SERVICE [COMMAND] [ARGS...]",
  arity: atLeast(1),
  stopAtFirstArgument: true,
  flags: {
    build: bool("Build the image before"),
    "cap-add": list("Give the container one of the host's powers"),
    "cap-drop": list("Take one of the usual powers away"),
    detach: bool("Run in the background and print the container's id", { short: "d" }),
    entrypoint: string("Program to run instead of the image's"),
    env: array("Set a variable of the environment", "e"),
    "env-from-file": { ...array("Read variables of the environment from a file"), complete: "files" },
    interactive: bool("Keep stdin open", { short: "i", initial: true }),
    label: array("Give the container a label", "l"),
    labels: list("Old name of --label", { hidden: true }),
    name: string("Name of the container"),
    "no-TTY": bool("Old name of --no-tty", { hidden: true }),
    "no-deps": bool("Leave services alone that this one depends on"),
    "no-tty": bool("Give the command no terminal; it has one unless told, where stdin and stdout are", {
      short: "T",
    }),
    publish: array("Publish a port of the container", "p"),
    pull: string("Pull the image before: always, missing, never or policy", {
      initial: "policy",
      complete: ["always", "missing", "never", "policy"],
    }),
    quiet: bool("Show no progress", { short: "q" }),
    "quiet-build": bool("Show no progress of builds"),
    "quiet-pull": bool("Show no progress of pulls"),
    "remove-orphans": bool("Remove containers of services that the files do not have"),
    rm: bool("Remove the container when it has ended"),
    "service-ports": bool("Publish the service's ports, which are left out unless told", { short: "P" }),
    tty: bool("Give the command a terminal", { short: "t", initial: true, hidden: true }),
    "use-aliases": bool("Be known on the networks by the service's names"),
    user: string("User or uid, and group or gid (user[:group])", { short: "u" }),
    volume: array("Mount a folder or a volume", "v"),
    volumes: list("Old name of --volume", { hidden: true }),
    workdir: string("Working directory in the container", { short: "w" }),
  },
  async run({ cli, session, args: [service = "", ...words], flags, changed }) {
    if (flags.publish.length > 0 && flags["service-ports"])
      throw new Error("--service-ports and --publish are incompatible");
    const isOffGiven = changed("no-tty") || changed("no-TTY");
    if (changed("tty") && isOffGiven) throw new Error("--tty and --no-tty can't be used together");
    const isTerminalHere = isTerminal(0) && isTerminal(1);
    const isOff = flags["no-tty"] || flags["no-TTY"];
    const tty = changed("tty") ? flags.tty : isOffGiven ? !isOff : isTerminalHere;

    const project = await session.loadToRun([service]);
    const { prepareRun, splitCommand } = await compose();
    const entrypoint = changed("entrypoint") ? splitCommand(flags.entrypoint) : undefined;
    if (changed("entrypoint") && entrypoint === undefined) throw new Error("invalid command line string");
    const work = { title: "run", quiet: flags.quiet, quietBuild: flags["quiet-build"] };
    const run = await session.work(project, work, (app) =>
      prepareRun(app, {
        service,
        ...(words.length > 0 && { command: words }),
        ...(entrypoint !== undefined && { entrypoint }),
        tty,
        interactive: flags.interactive,
        user: flags.user,
        workdir: flags.workdir,
        env: flags.env,
        envFiles: flags["env-from-file"],
        labels: [...flags.label, ...flags.labels],
        volumes: [...flags.volume, ...flags.volumes],
        publish: flags.publish,
        servicePorts: flags["service-ports"],
        capAdd: flags["cap-add"],
        capDrop: flags["cap-drop"],
        name: flags.name,
        rm: flags.rm,
        detach: flags.detach,
        noDeps: flags["no-deps"],
        useAliases: flags["use-aliases"],
        build: flags.build,
        pull: pullChoice(flags.pull),
        quietPull: flags["quiet-pull"],
        quietBuild: flags["quiet-build"],
        ...orphanOptions(session, flags["remove-orphans"], changed("remove-orphans")),
      }),
    );
    if (session.dryRun) return 0;
    if (flags.detach) {
      await (await session.engine()).containers.start(run.id);
      await run.afterStart();
      cli.line(run.id);
      return 0;
    }
    const { runAttached } = await import("../../actions/run-attached.ts");
    const request = {
      Image: "",
      Tty: run.tty,
      AttachStdin: run.interactive,
      AttachStdout: true,
      AttachStderr: true,
    };
    return runAttached(cli, run.id, request, {
      rm: flags.rm,
      "detach-keys": "",
      "sig-proxy": true,
      onStarted: () => run.afterStart(),
      startFailure: (error) => new ExitError(1, describeError(error), { cause: error }),
    });
  },
});
