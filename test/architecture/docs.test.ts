import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { flagOf, SETTINGS } from "../../src/daemon/settings.ts";

const ROOT = join(import.meta.dir, "..", "..");
const DOCS = join(ROOT, "docs");

const pages = [
  join(ROOT, "README.md"),
  join(ROOT, "CONTRIBUTING.md"),
  ...readdirSync(DOCS)
    .filter((name) => name.endsWith(".md"))
    .map((name) => join(DOCS, name)),
];

/** A page without its blocks of code, where `#` begins a comment and brackets are no links. */
function proseOf(path: string): string {
  return readFileSync(path, "utf8").replaceAll(/^```.*?^```$/gms, "");
}

/** Targets of `[text](target)`, without those of other sites. */
function linksOf(path: string): string[] {
  const targets = [...proseOf(path).matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1]!);
  return targets.filter((target) => !/^[a-z][a-z0-9+.-]*:/i.test(target));
}

/** What the headings of a page can be linked by: GitHub's rule, where the second of one text gets `-1`. */
function anchorsOf(path: string): Set<string> {
  const anchors = new Set<string>();
  const seen = new Map<string, number>();
  for (const [, heading] of proseOf(path).matchAll(/^#{1,6} +(.+?) *$/gm)) {
    const plain = heading!.toLowerCase().replaceAll(/[^\p{L}\p{N}\p{M} _-]/gu, "");
    const anchor = plain.replaceAll(" ", "-");
    const times = seen.get(anchor) ?? 0;
    seen.set(anchor, times + 1);
    anchors.add(times === 0 ? anchor : `${anchor}-${times}`);
  }
  return anchors;
}

/** What is wrong with a link; undefined where it leads somewhere. */
function brokenLink(from: string, target: string): string | undefined {
  const [file = "", anchor] = decodeURIComponent(target).split("#");
  const path = file === "" ? from : join(dirname(from), file);
  const where = `${relative(ROOT, from)}: (${target})`;
  if (!existsSync(path)) return `${where} leads to no file`;
  if (anchor === undefined) return undefined;
  if (!statSync(path).isFile() || !anchorsOf(path).has(anchor)) return `${where} leads to no heading`;
  return undefined;
}

test("every relative link leads to a file and, where it names one, to a heading", () => {
  const links = pages.flatMap((page) => linksOf(page).map((target) => [page, target] as const));
  expect(links.length).toBeGreaterThan(pages.length);
  expect(links.flatMap(([page, target]) => brokenLink(page, target) ?? [])).toEqual([]);
});

test("docs/README.md lists every page", () => {
  const listed = new Set(linksOf(join(DOCS, "README.md")));
  const others = readdirSync(DOCS).filter((name) => name.endsWith(".md") && name !== "README.md");
  expect(others.filter((name) => !listed.has(name))).toEqual([]);
});

/** The table of daemon.json's keys: rows whose second cell holds flags, or says that there is none. */
function daemonTable(): string[] {
  const rows = proseOf(join(DOCS, "daemon.md"))
    .split("\n")
    .map((line) => line.split("|").map((cell) => cell.trim()));
  return rows.flatMap(([, key = "", flags = ""]) => {
    const isKey = /^`[a-z0-9-]+`$/.test(key) && (flags.startsWith("`-") || flags === NO_FLAG);
    return isKey ? [`${key} ${flags}`] : [];
  });
}

const NO_FLAG = "only in the file";

test("docs/daemon.md has every key of daemon.json once, with its flags, and no other", () => {
  const understood = SETTINGS.map((setting) => {
    const long = flagOf(setting);
    const short = setting.short === undefined ? "" : `\`-${setting.short}\`, `;
    return `\`${setting.key}\` ${long === undefined ? NO_FLAG : `${short}\`--${long}\``}`;
  });
  const documented = daemonTable();
  expect(documented.length).toBe(new Set(documented).size);
  expect(documented.filter((row) => !understood.includes(row))).toEqual([]);
  expect(understood.filter((row) => !documented.includes(row))).toEqual([]);
});
