// A map from lists of nodes, compared by identity: what interning needs most often.
import type { Expr } from "./ir.ts"

interface Entry<V> {
  readonly hash: number
  readonly head: number
  readonly list: readonly Expr[]
  readonly value: V
  /** Another entry in the same bucket. */
  next: Entry<V> | undefined
}

/** How many buckets an empty map has, a power of two. */
const FEWEST = 64

/**
 * A map whose keys are a number and a list of nodes of one core. Keys are never removed. It has buckets of its own: a `Map` by
 * hash is larger, and a compiler fills thousands of entries for each loss.
 */
export class NodeMap<V> {
  private buckets = empty<V>(FEWEST)
  private size = 0

  get(head: number, list: readonly Expr[]): V | undefined {
    let entry = this.buckets[hash(head, list) & (this.buckets.length - 1)]
    while (entry && !(entry.head === head && same(entry.list, list))) entry = entry.next
    return entry?.value
  }

  /** Adds an entry for a key that the map does not have. */
  add(head: number, list: readonly Expr[], value: V): void {
    if (this.size++ === this.buckets.length) this.grow()
    put(this.buckets, { hash: hash(head, list), head, list, value, next: undefined })
  }

  private grow(): void {
    const larger = empty<V>(2 * this.buckets.length)
    for (let entry of this.buckets)
      while (entry) {
        const { next }: Entry<V> = entry
        put(larger, entry)
        entry = next
      }
    this.buckets = larger
  }
}

function empty<V>(length: number): (Entry<V> | undefined)[] {
  const buckets: (Entry<V> | undefined)[] = []
  for (let i = 0; i < length; i++) buckets.push(undefined)
  return buckets
}

function put<V>(buckets: (Entry<V> | undefined)[], entry: Entry<V>): void {
  const at = entry.hash & (buckets.length - 1)
  entry.next = buckets[at]
  buckets[at] = entry
}

function hash(head: number, list: readonly Expr[]): number {
  let h = head
  for (let i = 0; i < list.length; i++) h = Math.imul(h, 0x2f0b4c47) + list[i]!.id
  return h ^ (h >>> 15)
}

function same(x: readonly Expr[], y: readonly Expr[]): boolean {
  if (x.length !== y.length) return false
  for (let i = 0; i < x.length; i++) if (x[i] !== y[i]) return false
  return true
}
