import { invalidParameter, notFound } from "../../../lib/index.ts";
import type { Service } from "../../model/index.ts";
import { readDotenv } from "./dotenv.ts";
import type { TextFiles } from "./env-files.ts";
import { readRawEnv } from "./raw-env.ts";

/**
 * The service's variables with those of its `env_file`s, which its `environment` overrides. The files are then forgotten:
 * what they said is what counts, also for the configuration hash.
 *
 * @throws NotFound for a file that is required; InvalidParameter for one that cannot be read.
 */
export function resolveEnvironment(
  service: Service,
  outside: ReadonlyMap<string, string>,
  files: TextFiles,
  warn: (message: string) => void,
): Service {
  const own = service.environment ?? {};
  const variables = new Map<string, string>();
  const given: Record<string, string | null> = Object.create(null);
  for (const [name, value] of Object.entries(own)) given[name] = value ?? outside.get(name) ?? null;
  for (const [name, value] of Object.entries(given)) if (value !== null) variables.set(name, value);
  const lookup = (name: string) => outside.get(name) ?? given[name] ?? undefined;
  const onUnset = (name: string) => warn(`The "${name}" variable is not set. Defaulting to a blank string.`);

  for (const { path, required = true, format } of service.env_file ?? []) {
    const text = readOptional(files, path);
    if (text === undefined) {
      if (required) throw notFound(`env file ${path} not found: stat ${path}: no such file or directory`);
      continue;
    }
    if (format === undefined || format === ".env") readDotenv(text, path, variables, lookup, onUnset);
    else if (format === "raw") readRawEnv(text, path, variables, lookup);
    else throw invalidParameter(`unsupported env_file format "${format}"`);
  }
  const { env_file: _, ...rest } = service;
  const environment = Object.assign(Object.create(null), Object.fromEntries(variables), given);
  return Object.keys(environment).length === 0 ? rest : { ...rest, environment };
}

/**
 * The service's labels with those of its `label_file`s, which its own `labels` override. The files' names stay in the
 * service: they count for the configuration hash.
 */
export function resolveLabels(service: Service, files: TextFiles): Service {
  if (service.label_file === undefined) return service;
  const labels = new Map<string, string>();
  for (const path of service.label_file) {
    const text = readOptional(files, path);
    if (text === undefined)
      throw notFound(`label file ${path} not found: stat ${path}: no such file or directory`);
    readDotenv(text, path, labels, (name) => labels.get(name));
  }
  return {
    ...service,
    labels: Object.assign(Object.create(null), Object.fromEntries(labels), service.labels),
  };
}

function readOptional(files: TextFiles, path: string): string | undefined {
  try {
    return files.read(path);
  } catch (error) {
    if ((error as { kind?: string }).kind === "NotFound") return undefined;
    throw error;
  }
}
