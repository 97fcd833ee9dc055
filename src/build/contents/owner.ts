import { invalidParameter, notFound } from "../../lib/index.ts";
import type { Ownership } from "../../linux/index.ts";
import type { Tree } from "./tree.ts";
import { resolve, shown } from "./tree.ts";

/** Larger ids have wrapped around to root's in other tools (CVE-2024-40635). */
const MAX_ID = 2 ** 31 - 1;
const MAX_FILE_BYTES = 8 << 20;

/**
 * Who `--chown` or `USER` names: `user[:group]`, each a number or a name of the base's /etc/passwd and /etc/group. A number
 * alone is the group, too; a name alone brings its primary group. A name that is not there is root's, as in BuildKit; but
 * where there are no files at all that could know it, it is refused.
 * @param base undefined where there is none
 * @throws InvalidParameter, NotFound
 */
export function resolveOwner(base: Tree | undefined, text: string): Ownership {
  const colon = text.indexOf(":");
  const [user, group] = colon < 0 ? [text, ""] : [text.slice(0, colon), text.slice(colon + 1)];
  let owner: Ownership = { uid: 0, gid: 0 };
  const uid = numericId(user);
  if (uid !== undefined) owner = { uid, gid: uid };
  else if (user !== "") {
    const [, , id, primary] = entryOf(base, "/etc/passwd", user, "user") ?? [];
    owner = { uid: idIn(id), gid: idIn(primary) };
  }
  if (group === "") return owner;
  const gid = numericId(group);
  if (gid !== undefined) return { uid: owner.uid, gid };
  return { uid: owner.uid, gid: idIn(entryOf(base, "/etc/group", group, "group")?.[2]) };
}

/** Whether the text can only be understood with the base's files. */
export function hasNames(text: string): boolean {
  return text.split(":").some((part) => part !== "" && !/^\d+$/.test(part));
}

/** @throws InvalidParameter beyond the range */
function numericId(text: string): number | undefined {
  if (!/^-?\d+$/.test(text)) return undefined;
  const id = Number(text);
  if (!(id >= 0 && id <= MAX_ID)) throw invalidParameter(`uids and gids must be in range 0-${MAX_ID}`);
  return id;
}

const idIn = (text: string | undefined): number => {
  const id = /^\d+$/.test(text ?? "") ? Number(text) : 0;
  return id <= MAX_ID ? id : 0;
};

function entryOf(base: Tree | undefined, path: string, name: string, kind: string): string[] | undefined {
  if (base === undefined)
    throw notFound(`invalid missing ${kind} mount: ${kind} ${name} is named where no ${path} is`);
  const place = resolve(base, path, { followLast: true });
  if (place.entry === undefined) return undefined;
  if (place.entry.kind !== "file") throw invalidParameter(`${shown(place.path)} is not a regular file`);
  const text = Buffer.from(base.root.readFile(place.path, MAX_FILE_BYTES)).toString();
  return text
    .split("\n")
    .map((line) => line.trim().split(":"))
    .find((fields) => fields[0] === name);
}
