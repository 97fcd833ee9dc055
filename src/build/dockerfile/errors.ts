import { DockerfileError, placeAt, type Statement } from "../../lib/dockerfile/index.ts";

/** An error about an instruction that could be read, but that can not be built. */
export function placedError(
  { lines, segments }: Statement,
  reason: string,
  at?: { readonly offset: number; readonly length?: number },
): DockerfileError {
  const place = at === undefined ? undefined : placeAt(segments, at.offset, at.length);
  return new DockerfileError(reason, { lines, place, prefix: "" });
}
