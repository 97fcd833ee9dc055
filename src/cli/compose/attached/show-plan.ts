import type { Plan, PlannedAction, Project, UpOptions } from "../../../compose/index.ts";
import { visible } from "../../text/visible.ts";
import { type Colours, GREEN, RED, YELLOW } from "../colours.ts";
import { compose, type Session } from "../session.ts";

/** How an action is marked, and in which colour. */
const MARKS: Readonly<Record<PlannedAction["kind"], readonly [mark: string, colour: string, text: string]>> =
  {
    create: ["+", GREEN, "create"],
    createNetwork: ["+", GREEN, "create"],
    createVolume: ["+", GREEN, "create"],
    pull: ["+", GREEN, "pull"],
    build: ["+", GREEN, "build"],
    start: ["~", YELLOW, "start"],
    restart: ["~", YELLOW, "restart"],
    recreate: ["±", YELLOW, "recreate"],
    recreateNetwork: ["±", YELLOW, "recreate"],
    recreateVolume: ["±", RED, "recreate"],
    remove: ["-", RED, "remove"],
    keep: [" ", "", "keep"],
  };

/** `up --plan`: what would be done and why. @returns 0, always: whether something would be done is no failure. */
export async function showPlan(session: Session, project: Project, options: UpOptions): Promise<number> {
  const { planUp } = await compose();
  const plan = await session.work(project, { title: "plan", quiet: true }, (app) => planUp(app, options));
  if (session.progress === "json") session.cli.line(JSON.stringify(plan));
  else session.cli.print(planText(plan, session.colours(1)));
  return 0;
}

/** One line an action, with the reasons below it, and a line with how many there are. */
export function planText({ actions }: Plan, colours: Colours): string {
  const lines = actions.flatMap((action) => actionLines(action, colours));
  return `${[...lines, summary(actions)].join("\n")}\n`;
}

export function actionLines({ kind, what, why }: PlannedAction, { paint }: Colours): string[] {
  const [mark, colour, word] = MARKS[kind];
  const marked = colour === "" ? mark : paint(colour, mark);
  const reasons = kind === "keep" ? [] : why;
  const texts = reasons.map(({ text }) => visible(text)).join("; ");
  return [
    `${marked} ${visible(what)}: ${word}${texts === "" ? "" : ` (${texts})`}`,
    ...reasons.flatMap(({ changes = [] }) => changes.map((change) => `    ${visible(changeText(change))}`)),
  ];
}

function changeText({
  attribute,
  kind,
  old,
  new: now,
}: NonNullable<PlannedAction["why"][number]["changes"]>[number]): string {
  switch (kind) {
    case "added":
      return now === undefined ? `${attribute} is added` : `${attribute}: ${now} is added`;
    case "removed":
      return old === undefined ? `${attribute} is removed` : `${attribute}: ${old} is removed`;
    case "changed":
      return old === undefined && now === undefined
        ? `${attribute} has changed`
        : `${attribute}: ${old ?? "…"} → ${now ?? "…"}`;
  }
}

function summary(actions: readonly PlannedAction[]): string {
  const count = (...kinds: PlannedAction["kind"][]) =>
    actions.filter(({ kind }) => kinds.includes(kind)).length;
  const parts = [
    [count("create", "createNetwork", "createVolume"), "to create"],
    [count("recreate", "recreateNetwork", "recreateVolume"), "to recreate"],
    [count("start"), "to start"],
    [count("restart"), "to restart"],
    [count("remove"), "to remove"],
    [count("pull"), "to pull"],
    [count("build"), "to build"],
  ] as const;
  const told = parts.filter(([number]) => number > 0).map(([number, text]) => `${number} ${text}`);
  return told.length === 0 ? "Nothing to do." : `${told.join(", ")}; ${count("keep")} stay as they are.`;
}
