import type { ImageConfigChange, ImageDiff, ImageFileChange, ImageLayerChange } from "../../wire/index.ts";
import { shortImageId } from "../lists/containers.ts";
import { plural } from "../lists/image-versions.ts";
import { shownName } from "../text/file-names.ts";
import { humanSize, signedSize } from "../text/units.ts";
import { ellipsis } from "./table.ts";

const MARKS: Readonly<Record<string, string>> = { added: "+", removed: "-", changed: "~" };
const LETTERS: Readonly<Record<string, string>> = { added: "A", removed: "D", changed: "C" };
const VALUE_COLUMNS = 100;

/** `berth image diff`. @param all also files of which only the time is another */
export function imageDiffText(diff: ImageDiff, all: boolean): string {
  const head = ({ Reference, Id, Size, Layers }: ImageDiff["From"]) =>
    `${shownName(Reference)}  ${shortImageId(Id)}  ${humanSize(Size, 3)}  ${plural(Layers, "layer")}`;
  return [
    `from ${head(diff.From)}\n`,
    `to   ${head(diff.To)}\n`,
    ...section("Configuration", diff.Config.map(configLine)),
    ...section("Layers", layerLines(diff.Layers)),
    ...section(filesTitle(diff), fileLines(diff.Files, all)),
  ].join("");
}

function section(title: string, lines: readonly string[]): string[] {
  return [`\n${title}\n`, ...(lines.length === 0 ? ["  the same\n"] : lines.map((line) => `  ${line}\n`))];
}

function configLine({ Field, Change, Before, After }: ImageConfigChange): string {
  const value = (text: string) => ellipsis(shownName(text), VALUE_COLUMNS);
  const values = [Before, After].flatMap((text) => (text === undefined || text === "" ? [] : [value(text)]));
  const shown = values.length === 0 ? "" : `: ${values.join(" -> ")}`;
  return `${MARKS[Change] ?? "?"} ${shownName(Field)}${shown}`;
}

function layerLines(layers: readonly ImageLayerChange[]): string[] {
  const own = layers.filter(({ Change }) => Change !== "same");
  if (own.length === 0) return [];
  const same = layers.length - own.length;
  const common = layers.slice(0, same).reduce((sum, { Size }) => sum + Size, 0);
  return [
    ...(same > 0 ? [`  ${plural(same, "layer")} in common, ${humanSize(common, 3)}`] : []),
    ...own.map(({ Change, Digest, Size, CreatedBy }) => {
      const size = humanSize(Size, 3).padStart(7);
      return `${MARKS[Change]} ${shortImageId(Digest)}  ${size}  ${ellipsis(shownName(CreatedBy), 60)}`.trimEnd();
    }),
  ];
}

function filesTitle({ Totals: { Added, Changed, Removed, SizeDelta } }: ImageDiff): string {
  if (Added + Changed + Removed === 0) return "Files";
  return `Files: ${Added} added, ${Changed} changed, ${Removed} deleted, ${signedSize(SizeDelta)}`;
}

function fileLines(files: readonly ImageFileChange[], all: boolean): string[] {
  const isTimeOnly = ({ What }: ImageFileChange) => What?.length === 1 && What[0] === "time";
  const shown = all ? files : files.filter((file) => !isTimeOnly(file));
  const left = files.length - shown.length;
  const lines = shown.map(fileLine);
  if (left > 0)
    lines.push(`${plural(left, "file")} with another time of modification only: --all shows them`);
  return lines;
}

function fileLine({ Path, Change, Type, Size, SizeBefore, What }: ImageFileChange): string {
  const slash = Type === "directory" ? "/" : "";
  const facts: string[] = [];
  if (Change === "changed") {
    if (Size !== SizeBefore) facts.push(`${humanSize(SizeBefore, 3)} -> ${humanSize(Size, 3)}`);
    facts.push(...(What ?? []).filter((what) => what !== "content" || Size === SizeBefore));
  } else if (Type === "file") facts.push(humanSize(Change === "added" ? Size : SizeBefore, 3));
  const detail = facts.length === 0 ? "" : `  (${facts.join(", ")})`;
  return `${LETTERS[Change] ?? "?"} ${shownName(Path)}${slash}${detail}`;
}
