import type { ImageFile } from "../../wire/index.ts";
import { shownName } from "../text/file-names.ts";
import { humanSize } from "../text/units.ts";

const TYPES: Readonly<Record<string, string>> = {
  file: "-",
  directory: "d",
  symlink: "l",
  char: "c",
  block: "b",
  fifo: "p",
  socket: "s",
};

/** A file as `ls -l` shows it: mode, owner, size or device, time in UTC, name. */
export function imageFileLine(file: ImageFile): string {
  const name = shownName(file.Path);
  if (file.Type === "deleted") return `${"deleted".padEnd(52)} ${name}`;
  const owner = `${file.Uid}:${file.Gid}`.padEnd(11);
  const time = file.ModTime.slice(0, 19).replace("T", " ").padEnd(19);
  const link = file.Link === undefined ? "" : ` -> ${shownName(file.Link)}`;
  const slash = file.Type === "directory" && name !== "/" ? "/" : "";
  const opaque = file.Opaque === true ? "  (hides what was in it)" : "";
  return `${modeText(file)} ${owner} ${amount(file).padStart(9)} ${time} ${name}${slash}${link}${opaque}`;
}

function amount({ Type, Size, Major, Minor }: ImageFile): string {
  if (Type === "char" || Type === "block") return `${Major ?? 0},${Minor ?? 0}`;
  return Type === "file" ? humanSize(Size, 3) : "-";
}

/** `-rwsr-xr-x` */
export function modeText({ Type, Mode }: Pick<ImageFile, "Type" | "Mode">): string {
  const special = [0o4000, 0o2000, 0o1000];
  const groups = [6, 3, 0].map((shift, at) => {
    const bits = (Mode >> shift) & 7;
    const isSpecial = (Mode & special[at]!) !== 0;
    const letter = at === 2 ? "t" : "s";
    const last = isSpecial
      ? (bits & 1) !== 0
        ? letter
        : letter.toUpperCase()
      : (bits & 1) !== 0
        ? "x"
        : "-";
    return `${(bits & 4) !== 0 ? "r" : "-"}${(bits & 2) !== 0 ? "w" : "-"}${last}`;
  });
  return `${TYPES[Type] ?? "?"}${groups.join("")}`;
}
