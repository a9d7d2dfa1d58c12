/** The places of keys in ascending order, equal ones as they stand, NaN last. */
export function sorted(keys: ArrayLike<number>): number[] {
  return Array.from(keys, (_, at) => at).sort((x, y) => {
    const [a, b] = [keys[x]!, keys[y]!]
    if (Number.isNaN(a) || Number.isNaN(b)) return +Number.isNaN(a) - +Number.isNaN(b)
    return a < b ? -1 : +(a > b)
  })
}
