import { basename } from "node:path";
import { invalidParameter } from "../../lib/index.ts";

/** What is left of any text as a project's name: lower case, only letters, digits, `_` and `-`, the first of the former. */
export function normalizeName(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^a-z0-9_-]/g, "")
    .replace(/^[_-]+/, "");
}

/** @throws InvalidParameter for what is no project's name. */
export function checkName(name: string): string {
  if (normalizeName(name) === name) return name;
  throw invalidParameter(
    `invalid project name ${JSON.stringify(name)}: must consist only of lowercase alphanumeric characters, hyphens, and underscores as well as start with a letter or number`,
  );
}

/**
 * The project's name: as said (`-p`, then `COMPOSE_PROJECT_NAME`), else the last `name:` of the files, else the name of
 * the project's directory.
 *
 * @throws InvalidParameter where nothing usable is left.
 */
export function projectName(
  given: string | undefined,
  variable: string | undefined,
  written: string | undefined,
  directory: string,
): string {
  const said = given || variable;
  if (said) return checkName(said);
  const name = normalizeName(written || basename(directory));
  if (name === "") {
    throw invalidParameter("project name must not be empty");
  }
  return name;
}
