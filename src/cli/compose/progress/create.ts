import type { ProgressMode, Session } from "../session.ts";
import type { ListView, ProgressView } from "./view.ts";

export interface ViewOptions {
  readonly title: string;
  readonly mode: ProgressMode;
  /** Say nothing of the steps of builds. */
  readonly quietBuild: boolean;
}

/** The view of a mode; only that one's code is loaded. */
export async function createView(session: Session, options: ViewOptions): Promise<ProgressView> {
  const list = await listView(session, options);
  if (options.quietBuild || options.mode === "quiet") return list;
  const { withBuilds } = await import("./builds.ts");
  return withBuilds(list, session.cli.output, options.mode);
}

async function listView(session: Session, { title, mode }: ViewOptions): Promise<ListView> {
  const warn = (message: string) => session.warn(message);
  const print = (text: string) => session.cli.output.warn(text);
  switch (mode) {
    case "quiet":
      return { progress: () => {}, warn, besideOutput: () => {}, finish: () => {} };
    case "json":
      return (await import("./json.ts")).jsonView(print, warn, session.dryRun);
    case "plain":
      return (await import("./plain.ts")).plainView(print, warn, session.dryRun);
    case "tty": {
      const { Screen } = await import("./screen.ts");
      const { stderrSize } = await import("./size.ts");
      return new Screen({
        print,
        warning: (message) => session.warning(message),
        title,
        dryRun: session.dryRun,
        colours: session.colours(2),
        size: stderrSize(),
      });
    }
  }
}
