/** What the log options take from the container to put it beside its lines: labels, variables, the tag. */
import { hostname } from "node:os";
import { invalidParameter } from "../../lib/index.ts";
import type { ContainerRecord } from "../record.ts";
import type { Options } from "./settings.ts";

/** Labels and variables named by `labels`, `labels-regex`, `env`, `env-regex` (moby, `Info.ExtraAttributes`). */
export function extraAttributes(record: ContainerRecord, options: Options): Map<string, string> {
  const labels = new Map(Object.entries(record.config.Labels ?? {}));
  const variables = new Map<string, string>();
  for (const variable of record.config.Env ?? []) {
    const equals = variable.indexOf("=");
    if (equals >= 0) variables.set(variable.slice(0, equals), variable.slice(equals + 1));
  }
  const attributes = new Map<string, string>();
  pick(labels, options["labels"], options["labels-regex"], attributes);
  pick(variables, options["env"], options["env-regex"], attributes);
  return attributes;
}

function pick(
  from: ReadonlyMap<string, string>,
  names: string | undefined,
  pattern: string | undefined,
  into: Map<string, string>,
): void {
  for (const name of names === undefined || names === "" ? [] : names.split(",")) {
    const value = from.get(name);
    if (value !== undefined) into.set(name, value);
  }
  if (pattern === undefined || pattern === "") return;
  const expression = new RegExp(pattern);
  for (const [name, value] of from) if (expression.test(name)) into.set(name, value);
}

/**
 * What `docker logs --details` prints before each line: `name=value,…` sorted by name, escaped as in a query, and a space.
 */
export function detailsPrefix(record: ContainerRecord, options: Options): string {
  const attributes = extraAttributes(record, options);
  if (options["tag"] !== undefined && options["tag"] !== "")
    attributes.set("tag", logTag(record, options, ""));
  const pairs = [...attributes].sort(([a], [b]) => (a < b ? -1 : 1));
  return `${pairs.map(([name, value]) => `${queryEscape(name)}=${queryEscape(value)}`).join(",")} `;
}

/** Go's `url.QueryEscape`. */
function queryEscape(text: string): string {
  return encodeURIComponent(text)
    .replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll("%20", "+");
}

/** What a tag's template may name (moby, `logger.Info`). */
function fields(record: ContainerRecord): Readonly<Record<string, () => string>> {
  return {
    ID: () => record.id.slice(0, 12),
    FullID: () => record.id,
    Name: () => record.name,
    Command: () => [record.path, ...record.args].join(" "),
    ImageID: () => record.imageId.slice(0, 12),
    ImageFullID: () => record.imageId,
    ImageName: () => record.imageReference,
    Hostname: hostname,
    DaemonName: () => "docker",
    ContainerID: () => record.id,
    ContainerName: () => `/${record.name}`,
    ContainerImageID: () => record.imageId,
    ContainerImageName: () => record.imageReference,
    ContainerEntrypoint: () => record.path,
  };
}

const ACTION = /\{\{\s*(.*?)\s*\}\}/g;

/**
 * The tag of the option `tag`, a template of fields with functions: `{{.ImageName}}/{{upper .Name}}`, `{{truncate .ID 4}}`.
 * @throws InvalidParameter where it names what there is not
 */
export function logTag(record: ContainerRecord, options: Options, otherwise: string): string {
  const template = options["tag"] || otherwise;
  const known = fields(record);
  return template.replace(ACTION, (_, action: string) => evaluate(action, known, record));
}

function evaluate(
  action: string,
  known: Readonly<Record<string, () => string>>,
  record: ContainerRecord,
): string {
  let piped: string | undefined;
  for (const stage of action.split("|")) {
    const words = stage.trim().match(/"(?:[^"\\]|\\.)*"|[^\s"]+/g) ?? [];
    const values = words.map((word, index) =>
      index === 0 && !isOperand(word) ? word : operand(word, known, record),
    );
    if (piped !== undefined) values.push(piped);
    piped = isOperand(words[0] ?? "") ? values[0]! : call(values[0] ?? "", values.slice(1));
  }
  return piped ?? "";
}

const isOperand = (word: string) => /^[."\d]/.test(word);

function operand(
  word: string,
  known: Readonly<Record<string, () => string>>,
  record: ContainerRecord,
): string {
  if (word.startsWith('"')) return JSON.parse(word) as string;
  if (/^\d+$/.test(word)) return word;
  const label = /^\.ContainerLabels\.(.+)$/.exec(word)?.[1];
  if (label !== undefined) return record.config.Labels?.[label] ?? "";
  const field = Object.hasOwn(known, word.slice(1)) ? known[word.slice(1)] : undefined;
  if (field === undefined) throw invalidParameter(`template: log-tag: can't evaluate field ${word.slice(1)}`);
  return field();
}

const FUNCTIONS: Readonly<Record<string, (...words: string[]) => string>> = {
  json: (text = "") => JSON.stringify(text),
  lower: (text = "") => text.toLowerCase(),
  upper: (text = "") => text.toUpperCase(),
  title: (text = "") =>
    text.replace(/(^|\s)(\S)/g, (_, space: string, first: string) => space + first.toUpperCase()),
  truncate: (text = "", length = "0") => text.slice(0, Number(length)),
  pad: (text = "", before = "0", behind = "0") =>
    text === ""
      ? ""
      : " ".repeat(Math.min(1000, Number(before))) + text + " ".repeat(Math.min(1000, Number(behind))),
};

function call(name: string, words: string[]): string {
  const run = Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name] : undefined;
  if (run === undefined)
    throw invalidParameter(`template: log-tag: function ${JSON.stringify(name)} not defined`);
  return run(...words);
}
