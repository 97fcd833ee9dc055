import type { BuildReporter } from "../../../compose/index.ts";
import type { ProgressView as BuildView } from "../../build/progress/view.ts";
import type { Output } from "../../terminal/output.ts";
import type { ProgressMode } from "../session.ts";
import type { ListView, ProgressView } from "./view.ts";

type BuildProgress = Parameters<NonNullable<BuildReporter["buildProgress"]>>[1];

const BUILDING = "Building";

/** A view that also shows the steps of builds, as `build` does: the list stands still while any is under way. */
export function withBuilds(
  list: ListView,
  output: Output,
  mode: Exclude<ProgressMode, "quiet">,
): ProgressView {
  const kind = mode === "json" ? "rawjson" : mode;
  const underWay = new Set<string>();
  let view: Promise<BuildView> | undefined;
  let hasFailed = false;

  const open = async (): Promise<BuildView> => {
    const { progressView } = await import("../../build/progress/view.ts");
    list.suspend?.();
    return progressView(kind, output, () => kind === "tty");
  };
  const close = async (): Promise<void> => {
    const opened = view;
    view = undefined;
    (await opened)?.end(hasFailed);
    hasFailed = false;
    list.resume?.();
  };

  return {
    progress(progress) {
      list.progress(progress);
      if (progress.text === BUILDING) underWay.add(progress.id);
      else if (progress.status !== "working" && underWay.delete(progress.id)) {
        hasFailed ||= progress.status === "error";
        if (underWay.size === 0 && view !== undefined) void close();
      }
    },
    async buildProgress(service, progress) {
      view ??= open();
      (await view).show(named(service, progress));
    },
    warn: (message) => list.warn(message),
    besideOutput: (print) => list.besideOutput(print),
    finish: () => list.finish(),
  };
}

/** `[2/3] RUN make` of a service is `[web 2/3] RUN make`. */
function named(service: string, progress: BuildProgress): BuildProgress {
  return {
    ...progress,
    vertexes: progress.vertexes.map((vertex) => ({
      ...vertex,
      name: vertex.name.startsWith("[")
        ? `[${service} ${vertex.name.slice(1)}`
        : `[${service}] ${vertex.name}`,
    })),
  };
}
