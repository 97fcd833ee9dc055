/** Further away than this, a name is no longer what somebody meant (BuildKit's `util/suggest`, which has it from HCL). */
const DISTANCE_MAX = 2;
const LENGTH_MAX = 64;

/** Insertions, deletions and replacements that make one text of the other (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, change));
    }
    row = next;
  }
  return row[b.length]!;
}

/** The name nearest to a misspelt one, undefined where none is near, or where the name is right and something else wrong. */
export function nearest(
  misspelt: string,
  names: Iterable<string>,
  options: { readonly ignoreCase?: boolean } = {},
): string | undefined {
  const fold = (text: string) => (options.ignoreCase ? text.toLowerCase() : text);
  const wanted = fold(misspelt);
  if (wanted.length > LENGTH_MAX) return undefined;
  let best: string | undefined;
  let bestDistance = DISTANCE_MAX + 1;
  for (const name of names) {
    if (fold(name) === wanted) return undefined;
    if (Math.abs(name.length - wanted.length) >= bestDistance) continue;
    const found = distance(wanted, fold(name));
    if (found < bestDistance) [best, bestDistance] = [name, found];
  }
  return best;
}

/** ` (did you mean x?)`, or nothing. */
export function didYouMean(
  misspelt: string,
  names: Iterable<string>,
  options: { readonly ignoreCase?: boolean } = {},
): string {
  const name = nearest(misspelt, names, options);
  return name === undefined ? "" : ` (did you mean ${name}?)`;
}
