// A map from lists of nodes, compared by identity: what interning needs most often.
import type { Expr } from "./expr.ts"

/** What a key stands for. */
export interface Entry {
  readonly hash: number
  readonly head: number
  readonly list: readonly Expr[]
  /** The node made of the list. */
  node: Expr | undefined
  /** What a constructor that normalises made of it. */
  normal: Expr | undefined
  /** Another entry in the same bucket. */
  next: Entry | undefined
}

/** How many buckets an empty map has, a power of two. */
const FEWEST = 256

/**
 * A map whose keys are a number and a list of nodes of one core. Keys are never removed. It has buckets of its own: a `Map` by
 * hash is larger, and a compiler fills thousands of entries for each loss.
 */
export class NodeMap {
  private buckets = empty(FEWEST)
  private size = 0

  /** The entry of a key, a new one if the map does not have it. */
  entry(head: number, list: readonly Expr[]): Entry {
    const h = hash(head, list)
    let entry = this.buckets[h & (this.buckets.length - 1)]
    while (entry && !(entry.head === head && same(entry.list, list))) entry = entry.next
    if (entry) return entry
    if (this.size++ === this.buckets.length) this.grow()
    const made = { hash: h, head, list, node: undefined, normal: undefined, next: undefined }
    put(this.buckets, made)
    return made
  }

  private grow(): void {
    const larger = empty(4 * this.buckets.length)
    for (let entry of this.buckets)
      while (entry) {
        const { next }: Entry = entry
        put(larger, entry)
        entry = next
      }
    this.buckets = larger
  }
}

function empty(length: number): (Entry | undefined)[] {
  const buckets: (Entry | undefined)[] = []
  for (let i = 0; i < length; i++) buckets.push(undefined)
  return buckets
}

function put(buckets: (Entry | undefined)[], entry: Entry): void {
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
