import type { Cli } from "../cli.ts";
import { describeError, ExitError } from "../errors.ts";
import { fromJson, Template } from "../template/index.ts";
import { isObeyed, shownOn } from "../text/visible.ts";
import { compactJson, indentJson } from "./json-text.ts";

/**
 * Prints what the engine says of several things: as a JSON list, or by a template each. What is missing is
 * told at the end, with exit code 1.
 * @param read gives one thing's JSON as the engine wrote it.
 */
export async function inspectAll(
  cli: Cli,
  refs: readonly string[],
  format: string,
  read: (ref: string) => Promise<string>,
): Promise<void> {
  const template = ["", "json", "yaml"].includes(format) ? undefined : parse(format);
  const found: string[] = [];
  const errors: unknown[] = [];
  for (const ref of refs) {
    try {
      const json = await read(ref);
      found.push(template === undefined ? json : executed(template, json));
    } catch (error) {
      errors.push(error);
    }
  }
  // Whoever writes control characters into a format wants the terminal to obey them.
  const shown = (text: string) => (isObeyed(format) ? text : shownOn(1, text));
  if (template !== undefined)
    cli.print(found.length === 0 ? "\n" : shown(found.map((text) => `${text}\n`).join("")));
  else if (found.length === 0) cli.line("[]");
  else {
    const list = `[${found.map((json) => json.trim()).join(",")}]`;
    if (format === "yaml") cli.print(shown(await (await import("./yaml.ts")).yamlOf(list)));
    else cli.line(shown((format === "json" ? compactJson : indentJson)(list)));
  }
  if (errors.length > 0) throw new ExitError(1, errors.map(describeError).join("\n"));
}

function parse(format: string): Template {
  try {
    return new Template(format);
  } catch (error) {
    throw new ExitError(64, `template parsing error: ${(error as Error).message}`, { cause: error });
  }
}

function executed(template: Template, json: string): string {
  try {
    return template.execute(fromJson(json));
  } catch (error) {
    throw new Error(`template parsing error: ${(error as Error).message}`, { cause: error });
  }
}
