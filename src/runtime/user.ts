import { invalidParameter } from "../lib/index.ts";
import { LinuxError, type RootDir } from "../linux/index.ts";

/** Who a process is, in numbers. */
export interface ResolvedUser {
  readonly uid: number;
  readonly gid: number;
  /** The primary group first, as Docker ≥ 20.10.18 gives it (CVE-2022-36109), then the user's others and `--group-add`. */
  readonly additionalGids: readonly number[];
  /** From /etc/passwd, where the user has an entry. */
  readonly username?: string;
  readonly home: string;
}

/** Docker's range; higher numbers have wrapped around to root (CVE-2024-40635). */
const MAX_ID = 2 ** 31 - 1;
/** A user data base larger than this is an attack. */
const MAX_FILE_BYTES = 8 << 20;
const OUT_OF_RANGE = `uids and gids must be in range 0-${MAX_ID}`;

/**
 * Docker's `user[:group]`, each a name of the container's own /etc/passwd and /etc/group or a number; empty text is uid 0.
 *
 * Beyond Docker's rules, a number is a number: an entry that *calls* itself by digits never lends its uid to them, and
 * digits with leading zeros name nobody (CVE-2026-46680). An entry without proper numbers is no entry.
 * @throws InvalidParameter `unable to find user x: no matching entries in passwd file`
 */
export function resolveUser(root: RootDir, userText: string, groupAdd: readonly string[] = []): ResolvedUser {
  return resolveUserIn(
    {
      passwd: () => parsePasswd(readDatabase(root, "/etc/passwd")),
      group: () => parseGroup(readDatabase(root, "/etc/group")),
    },
    userText,
    groupAdd,
  );
}

/** The two files, read when first needed. */
export interface UserDatabase {
  passwd(): readonly PasswdEntry[];
  group(): readonly GroupEntry[];
}

export interface PasswdEntry {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

export interface GroupEntry {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

export function resolveUserIn(
  database: UserDatabase,
  userText: string,
  groupAdd: readonly string[] = [],
): ResolvedUser {
  const colon = userText.indexOf(":");
  const userPart = colon < 0 ? userText : userText.slice(0, colon);
  const groupPart = colon < 0 ? "" : userText.slice(colon + 1);
  const user = findUser(database.passwd(), userPart);
  const primary = groupPart === "" ? user.gid : findGroup(database.group(), groupPart, lowerUnable);
  const others = groupPart === "" && user.username ? groupsOf(database.group(), user.username) : [];
  const added = groupAdd.map((group) => findGroup(database.group(), group, upperUnable));
  return {
    uid: user.uid,
    gid: primary,
    additionalGids: [...new Set([primary, ...others, ...added])],
    username: user.username,
    home: user.home,
  };
}

interface FoundUser {
  readonly uid: number;
  readonly gid: number;
  readonly username?: string;
  readonly home: string;
}

function findUser(passwd: readonly PasswdEntry[], text: string): FoundUser {
  const wanted = text === "" ? 0 : numericId(text);
  const entry = passwd.find((each) => (wanted === undefined ? isNamed(each, text) : each.uid === wanted));
  if (wanted !== undefined) checkNoNamesake(passwd, text, wanted);
  if (entry) return { uid: entry.uid, gid: entry.gid, username: entry.name, home: entry.home };
  if (wanted === undefined) {
    throw invalidParameter(`unable to find user ${text}: no matching entries in passwd file`);
  }
  return { uid: wanted, gid: 0, home: "/" };
}

/** `007` is neither a number as numbers are written nor, being all digits, a name. */
function isNamed(entry: { readonly name: string }, text: string): boolean {
  return entry.name === text && !/^\d+$/.test(text);
}

/** Whoever wrote an entry named `1000` for another uid wants `1000` to mean that one: neither reading is safe. */
function checkNoNamesake(passwd: readonly PasswdEntry[], text: string, wanted: number): void {
  const namesake = passwd.find((each) => each.name === text && each.uid !== wanted);
  if (!namesake) return;
  throw invalidParameter(
    `unable to find user ${text}: the passwd file has a user of that name with the uid ${namesake.uid}`,
  );
}

const lowerUnable = (text: string) => `unable to find group ${text}: no matching entries in group file`;
const upperUnable = (text: string) => `Unable to find group ${text}: no matching entries in group file`;

function findGroup(groups: readonly GroupEntry[], text: string, notFound: (text: string) => string): number {
  const wanted = numericId(text);
  const entry = groups.find((each) => (wanted === undefined ? isNamed(each, text) : each.gid === wanted));
  if (wanted !== undefined && groups.some((each) => each.name === text && each.gid !== wanted)) {
    throw invalidParameter(
      `unable to find group ${text}: the group file has a group of that name with another gid`,
    );
  }
  if (entry) return entry.gid;
  if (wanted !== undefined) return wanted;
  throw invalidParameter(notFound(text));
}

function groupsOf(groups: readonly GroupEntry[], username: string): number[] {
  return groups.filter((group) => group.members.includes(username)).map((group) => group.gid);
}

/** The number that digits stand for; `undefined` for a name. @throws InvalidParameter beyond the range */
function numericId(text: string): number | undefined {
  if (!/^-?\d+$/.test(text)) return undefined;
  const value = Number(text);
  if (text.startsWith("-") || value > MAX_ID) throw invalidParameter(OUT_OF_RANGE);
  return String(value) === text ? value : undefined;
}

/** passwd(5): name:password:uid:gid:comment:home:shell. */
export function parsePasswd(text: string): PasswdEntry[] {
  return lines(text).flatMap((fields) => {
    const [name = "", , uid, gid, , home = "/"] = fields;
    const numbers = [properId(uid), properId(gid)];
    if (name === "" || numbers[0] === undefined || numbers[1] === undefined) return [];
    return [{ name, uid: numbers[0], gid: numbers[1], home: home || "/" }];
  });
}

/** group(5): name:password:gid:members. */
export function parseGroup(text: string): GroupEntry[] {
  return lines(text).flatMap((fields) => {
    const [name = "", , number, members = ""] = fields;
    const gid = properId(number);
    if (name === "" || gid === undefined) return [];
    return [{ name, gid, members: members.split(",").filter((member) => member !== "") }];
  });
}

function properId(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,10}$/.test(text)) return undefined;
  const value = Number(text);
  return value <= MAX_ID ? value : undefined;
}

function lines(text: string): string[][] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .map((line) => line.split(":"));
}

/** A file that the container wrote; absent is empty. @throws InvalidParameter where it is no regular file or too large */
function readDatabase(root: RootDir, path: string): string {
  try {
    return new TextDecoder().decode(root.readFile(path, MAX_FILE_BYTES));
  } catch (error) {
    if (error instanceof LinuxError && ABSENT.has(error.code)) return "";
    throw error;
  }
}

const ABSENT: ReadonlySet<string> = new Set(["ENOENT", "ENOTDIR", "ELOOP"]);
