// What lists lack.

/** `list.flatMap(map)`, which engines do through a call of their runtime for every element: for what runs in each compilation. */
export function flatMap<T, U>(list: readonly T[], map: (x: T, i: number) => readonly U[]): U[] {
  const out: U[] = []
  for (let i = 0; i < list.length; i++) {
    const part = map(list[i]!, i)
    for (let k = 0; k < part.length; k++) out.push(part[k]!)
  }
  return out
}
