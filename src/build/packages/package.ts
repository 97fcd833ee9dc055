/** A piece of software that an image has, as its package manager tells of it. */
export interface Package {
  /** As in package URLs: `deb`, `apk`, `npm`, `pypi`. */
  readonly type: "deb" | "apk" | "npm" | "pypi";
  readonly name: string;
  readonly version: string;
  /** Whose packages they are: `debian`, `alpine`; empty for those that are nobody's. */
  readonly namespace: string;
  readonly architecture: string;
  /** As it is written there, which may be anything; empty where nobody says. */
  readonly license: string;
  readonly supplier: string;
  /** Where in the image that is written. */
  readonly path: string;
}

const TEXT_LENGTH_MAX = 300;

/** What an image says is shown to people and programs: one line, of some length at most. */
export function plainText(text: unknown): string {
  if (typeof text !== "string") return "";
  return text
    .replaceAll(/[\0-\x1f\x7f-\x9f]+/g, " ")
    .toWellFormed()
    .trim()
    .slice(0, TEXT_LENGTH_MAX);
}

/** `pkg:deb/debian/bash@5.2?arch=amd64` (package-url's rules). */
export function packageUrl({ type, name, version, namespace, architecture }: Package): string {
  // A scope of npm's is a namespace.
  const parts = [...(namespace === "" ? [] : [namespace]), ...name.split("/")];
  const arch = architecture === "" ? "" : `?arch=${encodeURIComponent(architecture)}`;
  return `pkg:${type}/${parts.map((part) => encodeURIComponent(part)).join("/")}@${encodeURIComponent(version)}${arch}`;
}
