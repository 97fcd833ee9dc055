import { loadProject, type Project } from "../project/index.ts";
import type { Files } from "../project/load/context.ts";

/** For this room's tests: the project of one file that nobody has written. */
export function projectOf(text: string, environment: Record<string, string> = {}): Project {
  return loadProject({
    files: ["/app/compose.yaml"],
    directory: "/app",
    environment,
    reading: {
      read: () => text,
      has: (path) => path.endsWith("compose.yaml"),
      readStdin: () => "",
    } satisfies Files,
  });
}
