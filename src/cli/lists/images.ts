import type { ImageSummary } from "../../wire/index.ts";
import type { ListKind } from "../show/format.ts";
import { goTime } from "../show/go-time.ts";
import { familiarName, parseReference, type Reference } from "../text/reference.ts";
import { humanDuration, humanSize } from "../text/units.ts";
import { shortImageId } from "./containers.ts";

/** An image by one of its names: `images` has a line for each. */
export interface NamedImage {
  readonly image: ImageSummary;
  readonly repository: string;
  readonly tag: string;
  readonly digest: string;
}

export function imageList(short: boolean): ListKind<NamedImage> {
  return {
    typeName: "*formatter.imageContext",
    titles: {
      ID: "IMAGE ID",
      Repository: "REPOSITORY",
      Tag: "TAG",
      Digest: "DIGEST",
      CreatedSince: "CREATED",
      CreatedAt: "CREATED AT",
      Size: "SIZE",
      Containers: "CONTAINERS",
      VirtualSize: "SIZE",
      SharedSize: "SHARED SIZE",
      UniqueSize: "UNIQUE SIZE",
    },
    fields: {
      ID: ({ image }) => (short ? shortImageId(image.Id) : image.Id),
      Repository: ({ repository }) => repository,
      Tag: ({ tag }) => tag,
      Digest: ({ digest }) => digest,
      CreatedSince: ({ image }) => `${humanDuration(Date.now() / 1000 - image.Created)} ago`,
      CreatedAt: ({ image }) => goTime(image.Created),
      Size: ({ image }) => humanSize(image.Size, 3),
      Containers: ({ image }) => (image.Containers === -1 ? "N/A" : String(image.Containers)),
      VirtualSize: ({ image }) => humanSize(image.Size),
      SharedSize: ({ image }) => (image.SharedSize === -1 ? "N/A" : humanSize(image.SharedSize)),
      UniqueSize: ({ image: { Size, SharedSize } }) =>
        Size === -1 || SharedSize === -1 ? "N/A" : humanSize(Size - SharedSize),
    },
  };
}

const COLUMNS = "{{.ID}}\t{{if .CreatedSince }}{{.CreatedSince}}{{else}}N/A{{end}}\t{{.Size}}";

/** What `images` prints by default. */
export function imageFormat(format: string, quiet: boolean, digests: boolean): string {
  if (format === "table") {
    if (quiet) return "{{.ID}}";
    return `table {{.Repository}}\t{{.Tag}}\t${digests ? "{{.Digest}}\t" : ""}${COLUMNS}`;
  }
  if (format === "raw") {
    if (quiet) return "image_id: {{.ID}}";
    const digest = digests ? "digest: {{.Digest}}\n" : "";
    return `repository: {{ .Repository }}\ntag: {{.Tag}}\n${digest}image_id: {{.ID}}\ncreated_at: {{.CreatedAt}}\nvirtual_size: {{.Size}}\n`;
  }
  return format.startsWith("table") && digests && !format.includes("{{.Digest}}")
    ? `${format}\t{{.Digest}}`
    : format;
}

/** One line for each name; with digests, one for each digest of each name. */
export function namedImages(images: readonly ImageSummary[], digests: boolean): NamedImage[] {
  return images.flatMap((image) => (isDangling(image) ? [nameless(image)] : namesOf(image, digests)));
}

export function isDangling({ RepoTags, RepoDigests }: ImageSummary): boolean {
  const [tags, digests] = [RepoTags ?? [], RepoDigests ?? []];
  if (tags.length === 0 && digests.length === 0) return true;
  return (
    tags.length === 1 && tags[0] === "<none>:<none>" && digests.length === 1 && digests[0] === "<none>@<none>"
  );
}

function nameless(image: ImageSummary): NamedImage {
  return { image, repository: "<none>", tag: "<none>", digest: "<none>" };
}

function namesOf(image: ImageSummary, showDigests: boolean): NamedImage[] {
  const tags = byRepository(image.RepoTags ?? [], ({ tag }) => tag);
  const digests = byRepository(image.RepoDigests ?? [], ({ digest }) => digest);
  const rows: NamedImage[] = [];
  for (const [repository, names] of tags) {
    const own = showDigests ? (digests.get(repository) ?? []) : [];
    digests.delete(repository);
    for (const tag of names) {
      for (const digest of own.length === 0 ? ["<none>"] : own) rows.push({ image, repository, tag, digest });
    }
  }
  for (const [repository, own] of digests) {
    for (const digest of showDigests ? own : [""]) rows.push({ image, repository, tag: "<none>", digest });
  }
  return rows;
}

function byRepository(
  references: readonly string[],
  part: (reference: Reference) => string | undefined,
): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const text of references) {
    const reference = parsedOrNothing(text);
    const value = reference === undefined ? undefined : part(reference);
    if (reference === undefined || value === undefined) continue;
    const name = familiarName(reference);
    found.set(name, [...(found.get(name) ?? []), value]);
  }
  return found;
}

function parsedOrNothing(text: string): Reference | undefined {
  try {
    return parseReference(text);
  } catch {
    return undefined;
  }
}
