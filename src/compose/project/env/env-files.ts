import { notFound } from "../../../lib/index.ts";
import { readDotenv } from "./dotenv.ts";

/** What reads a file's text; throws a `NotFound` where there is none. */
export interface TextFiles {
  read(path: string): string;
}

/**
 * The variables of several `.env` files, later files over earlier ones; their own variables are filled from `outside` first.
 */
export function readEnvFiles(
  files: TextFiles,
  paths: readonly string[],
  outside: ReadonlyMap<string, string>,
  onUnset?: (name: string) => void,
): Map<string, string> {
  const variables = new Map<string, string>();
  for (const path of paths) {
    let text: string;
    try {
      text = files.read(path);
    } catch (error) {
      if ((error as { kind?: string }).kind === "NotFound")
        throw notFound(`couldn't find env file: ${path}`, error);
      throw error;
    }
    readDotenv(text, path, variables, (name) => outside.get(name), onUnset);
  }
  return variables;
}
