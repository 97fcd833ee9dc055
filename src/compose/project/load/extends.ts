import { dirname, isAbsolute, join, relative } from "node:path";
import { ServiceSchema } from "../../model/service.ts";
import { problemAt } from "../problem.ts";
import { merge, settled } from "../shape/merge.ts";
import { expandHome, resolvePaths } from "../shape/paths.ts";
import { child, type Mapping, type Node, textOf, withEntries } from "../yaml/node.ts";
import { type Load, type Surroundings, sourceOf } from "./context.ts";
import { readDocuments } from "./document.ts";
import { mergeDocuments } from "./merge-documents.ts";
import { remoteRefusal } from "./remote.ts";

/** A file whose services can be extended: its document, and where its own `extends.file` starts from. */
interface File {
  readonly path: string;
  readonly services: Node | undefined;
  readonly directory: string;
}

/**
 * Merges every service of a document over the one that it `extends`, in this file or another one, and that one over the one
 * that it extends. Paths of another file are made to start from that file's directory.
 *
 * @param path the document's own file, for messages.
 */
export function applyExtends(load: Load, document: Mapping, path: string, around: Surroundings): Mapping {
  const services = child(document, "services");
  if (services?.kind !== "mapping") return document;
  const file: File = { path, services, directory: around.directory };
  const extender = new Extender(load, around);
  const changes: Record<string, Node> = Object.create(null);
  for (const name of services.entries.keys()) {
    const service = services.entries.get(name)!.value;
    if (child(service, "extends") !== undefined) changes[name] = extender.extended(name, file, []);
  }
  if (Object.keys(changes).length === 0) return document;
  return withEntries(document, { services: withEntries(services, changes) });
}

interface Step {
  readonly service: string;
  readonly file: string;
}

class Extender {
  readonly #load: Load;
  readonly #around: Surroundings;
  readonly #files = new Map<string, File>();
  readonly #done = new Map<string, Node>();

  constructor(load: Load, around: Surroundings) {
    this.#load = load;
    this.#around = around;
  }

  extended(name: string, file: File, chain: readonly Step[]): Node {
    const key = `${file.path}\0${name}`;
    const known = this.#done.get(key);
    if (known !== undefined) return known;
    const service = child(file.services, name)!;
    const step = { service: name, file: file.path };
    if (chain.some((one) => one.service === name && one.file === file.path)) {
      throw problemAt(service.at, `services.${name}.extends`, circle([...chain, step]));
    }
    const node = this.#merged(name, service, file, [...chain, step]);
    this.#done.set(key, node);
    return node;
  }

  #merged(name: string, service: Node, file: File, chain: readonly Step[]): Node {
    const reference = child(service, "extends");
    if (service.kind !== "mapping" || reference === undefined || reference.mark === "reset") return service;
    const wanted = textOf(child(reference, "service"));
    if (wanted === undefined) {
      throw problemAt(
        reference.at,
        `services.${name}.extends`,
        "the service to extend must be named: service: …",
      );
    }
    const other = textOf(child(reference, "file"));
    const base = other === undefined ? file : this.#file(other, file, reference, name);
    const found = child(base.services, wanted);
    if (found === undefined) {
      const where = other === undefined ? "" : ` in ${other}`;
      const message = `cannot extend service "${name}" in ${file.path}: service "${wanted}" not found${where}`;
      throw problemAt(reference.at, `services.${name}.extends`, message);
    }
    const extended = settled(this.extended(wanted, base, chain));
    const merged = merge(extended, service, ServiceSchema, !this.#load.interpolate);
    return merged.kind === "mapping" ? withEntries(merged, { extends: undefined }) : merged;
  }

  #file(path: string, from: File, reference: Node, name: string): File {
    const refusal = remoteRefusal(path);
    if (refusal !== undefined) throw problemAt(reference.at, `services.${name}.extends`, refusal);
    const expanded = expandHome(path);
    const absolute = isAbsolute(expanded) ? expanded : join(from.directory, expanded);
    const known = this.#files.get(absolute);
    if (known !== undefined) return known;
    try {
      sourceOf(this.#load, absolute);
    } catch (error) {
      throw problemAt(
        reference.at,
        `services.${name}.extends`,
        `cannot read ${path}: ${(error as Error).message}`,
      );
    }
    const documents = readDocuments(this.#load, absolute, this.#around.variables);
    const directory = dirname(absolute);
    const services =
      documents.length === 0
        ? undefined
        : child(mergeDocuments(documents, !this.#load.interpolate), "services");
    const file = { path: absolute, directory, services: services && this.#atHome(services, directory) };
    this.#files.set(absolute, file);
    return file;
  }

  /** The other file's paths made to start from where it stands. */
  #atHome(services: Node, directory: string): Node {
    if (services.kind !== "mapping") return services;
    const base = this.#load.resolvePaths ? directory : relative(this.#around.directory, directory) || ".";
    const changes: Record<string, Node> = Object.create(null);
    for (const [name, { value }] of services.entries)
      changes[name] = resolvePaths(value, ServiceSchema, base);
    return withEntries(services, changes);
  }
}

const circle = (steps: readonly Step[]): string => {
  const [first, ...rest] = steps;
  const lines = rest.map(({ service, file }) => `  extends ${service} in ${file}`);
  return ["Circular reference:", `  ${first!.service} in ${first!.file}`, ...lines].join("\n");
};
