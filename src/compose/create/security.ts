import { resolve } from "node:path";
import { invalidParameter, messageOf } from "../../lib/index.ts";
import { readTextFile } from "../../sdk/index.ts";
import type { HostConfig } from "../../wire/index.ts";
import type { Application, NamedService } from "../application.ts";

/**
 * `security_opt` as the engine takes it: a seccomp profile is a file of this machine and travels as its text;
 * `systempaths=unconfined` shows the container all of /proc and /sys.
 */
export async function securityOptions(
  app: Application,
  service: NamedService,
): Promise<Pick<HostConfig, "SecurityOpt" | "MaskedPaths" | "ReadonlyPaths">> {
  const given = service.security_opt ?? [];
  const paths = given.includes("systempaths=unconfined") ? { MaskedPaths: [], ReadonlyPaths: [] } : {};
  const others = given.filter((option) => option !== "systempaths=unconfined");
  const options = await Promise.all(others.map((option) => securityOption(app, option)));
  return { SecurityOpt: options.length === 0 ? null : options, ...paths };
}

async function securityOption({ project }: Application, option: string): Promise<string> {
  const separator = option.includes("=") ? "=" : ":";
  const [name, value] = cut(option, separator);
  if (value === undefined && name !== "no-new-privileges") {
    throw invalidParameter(`invalid security-opt: "${option}"`);
  }
  if (name !== "seccomp" || value === "unconfined" || value === "builtin") return option;
  const path = resolve(
    project.directory,
    value!.replace(/^~(?=\/|$)/, project.environment.get("HOME") ?? "~"),
  );
  return `seccomp=${await compactJson(path, value!)}`;
}

async function compactJson(path: string, written: string): Promise<string> {
  try {
    const text = await readTextFile(path);
    if (text === undefined) throw new Error(`open ${path}: no such file or directory`);
    return JSON.stringify(JSON.parse(text));
  } catch (error) {
    throw invalidParameter(`opening seccomp profile (${written}) failed: ${messageOf(error)}`, error);
  }
}

function cut(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}
