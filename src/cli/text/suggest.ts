/** The names that a misspelt one may have meant, nearest first: few edits away, or the start of a longer name. */
export function suggestions(misspelt: string, names: readonly string[]): string[] {
  const limit = misspelt.length <= 3 ? 1 : 2;
  return names
    .map((name) => ({ name, distance: distanceTo(name, misspelt) }))
    .filter(({ distance }) => distance <= limit)
    .sort((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : 1))
    .slice(0, 3)
    .map(({ name }) => name);
}

/** The start of a name is as near as a slip of the finger. */
function distanceTo(name: string, misspelt: string): number {
  return misspelt.length >= 2 && name.startsWith(misspelt) ? 1 : editDistance(misspelt.toLowerCase(), name);
}

/** Insertions, deletions, replacements and swaps of neighbours (optimal string alignment). */
export function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let best = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        best = Math.min(best, before[j - 2]! + 1);
      next.push(best);
    }
    before = row;
    row = next;
  }
  return row[b.length]!;
}
