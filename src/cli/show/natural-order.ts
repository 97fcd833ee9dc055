const CHUNKS = /\d+|\D+/g;

/** Texts by their characters, but numbers inside them by their value: `a2` before `a10`. */
export function naturalOrder(a: string, b: string): number {
  const [left, right] = [a.match(CHUNKS) ?? [], b.match(CHUNKS) ?? []];
  for (const [index, chunk] of left.entries()) {
    const other = right[index];
    if (other === undefined) return 1;
    const order = /^\d/.test(chunk) && /^\d/.test(other) ? numbers(chunk, other) : texts(chunk, other);
    if (order !== 0) return order;
  }
  return left.length - right.length;
}

function numbers(a: string, b: string): number {
  const difference = BigInt(a) - BigInt(b);
  if (difference !== 0n) return difference < 0n ? -1 : 1;
  return a.length - b.length;
}

function texts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
