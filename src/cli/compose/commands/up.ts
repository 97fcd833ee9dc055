import type { UpOptions } from "../../../compose/index.ts";
import { bool, int, string, type Values } from "../../flags.ts";
import { atLeast } from "../../spec.ts";
import { CREATE_FLAGS, createOptions } from "../create-flags.ts";
import { array, TIMEOUT_FLAG } from "../flags.ts";
import { compose } from "../session.ts";
import { defineCompose } from "../spec.ts";

const FLAGS = {
  ...CREATE_FLAGS,
  ...TIMEOUT_FLAG,
  "abort-on-container-exit": bool("Stop all containers when one has ended"),
  "abort-on-container-failure": bool("Stop all containers when one has failed"),
  "always-recreate-deps": bool("Make the containers of services that these depend on anew, too"),
  attach: array("Show the output of these services only"),
  "attach-dependencies": bool("Also show the output of services that these depend on"),
  detach: bool("Leave the containers in the background", { short: "d" }),
  "exit-code-from": string("End with the exit code of this service, and stop all when a container has ended"),
  menu: bool("Act on keys while attached; COMPOSE_MENU says whether to, unless given"),
  "no-attach": array("Don't show the output of these services"),
  "no-color": bool("Without colours"),
  "no-deps": bool("Leave services alone that these depend on"),
  "no-log-prefix": bool("Without the containers' names"),
  "no-start": bool("Make containers, and leave them unstarted"),
  plan: bool("Show what would be made, changed and removed, and why, and do nothing"),
  "quiet-build": bool("Show no progress of builds"),
  "renew-anon-volumes": bool("Begin anonymous volumes anew instead of handing them on", { short: "V" }),
  timestamps: bool("Show when each line was printed"),
  wait: bool("Wait until all run, or are healthy where that is checked; in the background"),
  "wait-timeout": int("Seconds to wait at most"),
  watch: bool("Bring containers up to date when files change, as develop says", { short: "w" }),
};

export type UpFlags = Values<typeof FLAGS>;

export const command = defineCompose({
  summary: "Make and start containers",
  usage: "[OPTIONS] [SERVICE...]",
  arity: atLeast(0),
  flags: FLAGS,
  async run({ cli, session, args, flags, changed }) {
    checkFlags(flags);
    const project = await session.loadToRun(args);
    if (!session.allResources && Object.keys(project.services).length === 0)
      throw new Error("no service selected");
    const { "exit-code-from": codeFrom, "wait-timeout": waitSeconds } = flags;
    const { canWatch, serviceNamed, up } = await compose();
    if (codeFrom !== "") serviceNamed(project, codeFrom);
    if (flags.watch && !canWatch(project, args)) {
      throw new Error(
        "none of the selected services is configured for watch, consider setting a 'develop' section",
      );
    }
    const options: UpOptions = {
      ...createOptions(session, flags, changed),
      services: args,
      alwaysRecreateDeps: flags["always-recreate-deps"],
      noDeps: flags["no-deps"],
      renewAnonVolumes: flags["renew-anon-volumes"],
      noStart: flags["no-start"],
      wait: flags.wait,
      ...(waitSeconds > 0 && { waitTimeoutSeconds: waitSeconds }),
      ...(changed("timeout") && { timeoutSeconds: flags.timeout }),
    };
    if (flags.plan) return (await import("../attached/show-plan.ts")).showPlan(session, project, options);
    const isAttached = !flags.detach && !flags.wait && !flags["no-start"];
    const work = { title: "up", quietBuild: flags["quiet-build"] };
    if (isAttached && !session.dryRun) {
      const { attachedUp } = await import("../attached/attached-up.ts");
      const isMenuWanted = changed("menu") ? flags.menu : undefined;
      return attachedUp(session, project, options, { ...flags, menu: isMenuWanted });
    }
    await session.work(project, work, (app) => up(app, options));
    if (isAttached) cli.line("end of 'compose up' output, interactive run is not supported in dry-run mode");
    return 0;
  },
});

/** @throws where flags contradict one another, with Docker Compose's words. */
function checkFlags(flags: UpFlags): void {
  const stops = flags["abort-on-container-exit"] || isImplied(flags);
  const fails = flags["abort-on-container-failure"];
  if (flags["wait-timeout"] < 0) throw new Error("--wait-timeout must be a non-negative integer");
  if (stops && fails)
    throw new Error("--abort-on-container-failure cannot be combined with --abort-on-container-exit");
  const attaches = flags["attach-dependencies"] || stops || fails || flags.attach.length > 0 || flags.watch;
  if ((flags.detach || flags.wait) && attaches) {
    throw new Error(
      `--${flags.wait ? "wait" : "detach"} cannot be combined with --abort-on-container-exit, --abort-on-container-failure, --attach, --attach-dependencies or --watch`,
    );
  }
  if (flags["renew-anon-volumes"] && flags["no-recreate"])
    throw new Error("--no-recreate and --renew-anon-volumes are incompatible");
  if (flags["always-recreate-deps"] && flags["no-recreate"])
    throw new Error("--always-recreate-deps and --no-recreate are incompatible");
  if (flags["no-build"] && flags.watch) throw new Error("--no-build and --watch are incompatible");
  if (flags.attach.length > 0 && flags["attach-dependencies"])
    throw new Error("cannot combine --attach and --attach-dependencies");
}

/** The exit code of a service is known when it has ended, which ends all. */
function isImplied(flags: UpFlags): boolean {
  return flags["exit-code-from"] !== "" && !flags["abort-on-container-failure"];
}
