import type * as Yaml from "yaml";
import { problemAt } from "../problem.ts";
import { NodeBuilder, type Pair } from "./builder.ts";
import type { Mark, Node, Place } from "./node.ts";
import { readQuickly } from "./quick.ts";
import { Source } from "./source.ts";

/** UTF-16 units of one file: far above any real one, and parsed in a few seconds at worst. */
const LONGEST_FILE = 4 * 1024 * 1024;

/** Loaded when it is needed: most files are read by {@link readQuickly}, and this library takes longer to start. */
const library = (): typeof Yaml => require("yaml");

/** Nodes never change: a text that is asked for again is not read again. */
const read = new WeakMap<Source, Node[]>();

/**
 * The documents of a YAML text. YAML 1.2 with anchors, aliases, merge keys (`<<`) and the tags `!reset` and `!override`.
 * A key that comes twice is refused. Bounded in length, depth, and in what its aliases amount to.
 *
 * @throws ComposeError naming line and column.
 */
export function parseYaml(source: Source): Node[] {
  const start = { source, offset: 0 };
  if (source.text.length > LONGEST_FILE) {
    throw problemAt(start, "", `the file is longer than ${LONGEST_FILE} characters`);
  }
  const documents = read.get(source) ?? readQuickly(source) ?? parseByLibrary(source);
  read.set(source, documents);
  return documents;
}

/** How many texts in quotes are mended of one file. */
const MENDED_MAX = 100;

/** The same, by the library alone. */
export function parseByLibrary(written: Source): Node[] {
  const yaml = library();
  let source = written;
  try {
    let documents = parse(yaml, source.text);
    for (let mended = 0; mended < MENDED_MAX; mended++) {
      const error = documents.flatMap(({ errors }) => errors)[0];
      const text = error?.code === "MISSING_CHAR" ? withIndented(source.text, error.pos[0]) : undefined;
      if (text === undefined) break;
      source = new Source(written.name, text);
      documents = parse(yaml, text);
    }
    return documents.map((document) => new LibraryReader(yaml, source).read(document));
  } catch (error) {
    if (error instanceof RangeError) {
      throw problemAt({ source, offset: 0 }, "", "the values are nested too deeply");
    }
    throw error;
  }
}

function parse(yaml: typeof Yaml, text: string): Yaml.Document.Parsed[] {
  return yaml.parseAllDocuments(text.replace(/^\uFEFF/, " "), {
    // The meaning of plain scalars and of merge keys is ours to decide.
    schema: "failsafe",
    merge: false,
    uniqueKeys: false,
    logLevel: "silent",
    prettyErrors: false,
  }) as Yaml.Document.Parsed[];
}

/**
 * A text in double quotes may go on in lines that are not indented for Docker Compose's parser, and the dev containers'
 * command line writes such; YAML wants them indented. What they are indented by is not part of the text.
 *
 * @param at where the library gave the text up
 * @returns the file with those lines indented; undefined where the text has no end
 */
function withIndented(text: string, at: number): string | undefined {
  let end = at;
  while (end < text.length && text[end] !== '"') end += text[end] === "\\" ? 2 : 1;
  if (end >= text.length || !text.slice(at, end).includes("\n")) return undefined;
  let widest = 0;
  for (const [spaces] of text.matchAll(/^ +/gm)) widest = Math.max(widest, spaces.length);
  const lines = text.slice(at, end).split("\n");
  if (text.length + lines.length * (widest + 1) > LONGEST_FILE) return undefined;
  return text.slice(0, at) + lines.join(`\n${" ".repeat(widest + 1)}`) + text.slice(end);
}

/** Makes our nodes of the library's. */
class LibraryReader {
  readonly #yaml: typeof Yaml;
  readonly #build: NodeBuilder;

  constructor(yaml: typeof Yaml, source: Source) {
    this.#yaml = yaml;
    this.#build = new NodeBuilder(source);
  }

  read(document: Yaml.Document.Parsed): Node {
    const [error] = document.errors;
    if (error !== undefined) throw problemAt(this.#build.at(error.pos[0]), "", firstLine(error.message));
    return this.#node(document.contents, document.contents?.range[0] ?? document.range[0]);
  }

  #node(yaml: Yaml.ParsedNode | null, offset: number): Node {
    if (yaml === null) return this.#build.nothing(offset);
    if (this.#yaml.isAlias(yaml)) return this.#build.alias(yaml.source, yaml.range[0]);
    const { anchor } = yaml;
    if (anchor !== undefined) this.#build.open(anchor);
    const node = this.#content(yaml);
    if (anchor !== undefined) this.#build.close(anchor, node);
    return node;
  }

  #content(yaml: Exclude<Yaml.ParsedNode, Yaml.Alias.Parsed>): Node {
    const offset = yaml.range[0];
    const mark = markOf(yaml.tag);
    if (mark === "reset") return this.#build.nothing(offset, mark);
    if (this.#yaml.isScalar(yaml)) return this.#scalar(yaml, offset, mark);
    if (this.#yaml.isSeq(yaml)) {
      const items = yaml.items.map((item) => this.#node(item as Yaml.ParsedNode, offset));
      return this.#build.sequence(items, offset, mark);
    }
    if (!this.#yaml.isMap(yaml)) throw problemAt(this.#build.at(offset), "", "a value was expected");
    return this.#build.mapping(
      (yaml as Yaml.YAMLMap.Parsed).items.map((pair) => this.#pair(pair, offset)),
      offset,
      mark,
    );
  }

  #scalar(yaml: Yaml.Scalar.Parsed, offset: number, mark: Mark | undefined): Node {
    const text = String(yaml.value ?? "");
    const tag = mark === undefined ? yaml.tag : undefined;
    if (tag === undefined) {
      const plain = yaml.type === "PLAIN" || yaml.type === undefined;
      return plain ? this.#build.plain(text, offset, mark) : this.#build.text(text, offset, mark);
    }
    if (tag === "tag:yaml.org,2002:binary") {
      return this.#build.text(Buffer.from(text, "base64").toString("utf8"), offset, mark);
    }
    // Of the types of YAML, a string is one and the others are what the text looks like; other tags say nothing.
    const typed = tag.startsWith("tag:yaml.org,2002:") && tag !== "tag:yaml.org,2002:str";
    return typed ? this.#build.plain(text, offset, mark) : this.#build.text(text, offset, mark);
  }

  #pair(pair: Yaml.Pair, offset: number): Pair {
    const keyNode = pair.key as Yaml.ParsedNode | null;
    const at = this.#build.at(keyNode?.range?.[0] ?? offset);
    const key = this.#key(keyNode, at);
    const plain = this.#yaml.isScalar(keyNode) && keyNode.type === "PLAIN";
    const value = this.#node(pair.value as Yaml.ParsedNode | null, keyNode?.range?.[1] ?? at.offset);
    return { key, plain, at, value };
  }

  #key(yaml: Yaml.ParsedNode | null, at: Place): string {
    const node = yaml === null ? null : this.#node(yaml, at.offset);
    if (node?.kind === "scalar" && typeof node.value === "string") return node.value;
    const found = node?.kind === "scalar" ? String(node.value) : node === null ? "nothing" : `a ${node.kind}`;
    throw problemAt(at, "", `a key must be a string, not ${found}: put it in quotes`);
  }
}

function markOf(tag: string | undefined): Mark | undefined {
  if (tag === "!reset") return "reset";
  return tag === "!override" ? "override" : undefined;
}

/** The parser's own message, in one line. */
const firstLine = (text: string): string =>
  text.includes("call stack")
    ? "the values are nested too deeply"
    : text.split("\n", 1)[0]!.replace(/ at line \d+.*$/, "");
