// Gives Node 20 the two grouping functions that vitest's reporters (and chevrotain's own grammar checks) call.
type Key = PropertyKey

function groups<T, K>(items: Iterable<T>, key: (item: T, index: number) => K): Map<K, T[]> {
  const map = new Map<K, T[]>()
  let index = 0
  for (const item of items) {
    const k = key(item, index++)
    const group = map.get(k)
    if (group) group.push(item)
    else map.set(k, [item])
  }
  return map
}

const object = Object as unknown as Record<string, unknown>
const map = Map as unknown as Record<string, unknown>
object["groupBy"] ??= <T>(items: Iterable<T>, key: (item: T, index: number) => Key) =>
  Object.assign(Object.create(null), Object.fromEntries(groups(items, key)))
map["groupBy"] ??= groups
