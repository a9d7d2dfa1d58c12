// A map from lists of nodes, compared by identity: what interning needs most often.
import type { Expr } from "./ir.ts"

interface Entry<V> {
  readonly head: number
  readonly list: readonly Expr[]
  readonly value: V
  /** Another entry with the same hash. */
  readonly next: Entry<V> | undefined
}

/** A map whose keys are a number and a list of nodes of one core. Keys are never removed. */
export class NodeMap<V> {
  private readonly entries = new Map<number, Entry<V>>()

  get(head: number, list: readonly Expr[]): V | undefined {
    let entry = this.entries.get(hash(head, list))
    while (entry && !(entry.head === head && same(entry.list, list))) entry = entry.next
    return entry?.value
  }

  /** Adds an entry for a key that the map does not have. */
  add(head: number, list: readonly Expr[], value: V): void {
    const key = hash(head, list)
    this.entries.set(key, { head, list, value, next: this.entries.get(key) })
  }
}

function hash(head: number, list: readonly Expr[]): number {
  let h = head
  for (let i = 0; i < list.length; i++) h = Math.imul(h, 0x2f0b4c47) + list[i]!.id
  return h | 0
}

function same(x: readonly Expr[], y: readonly Expr[]): boolean {
  if (x.length !== y.length) return false
  for (let i = 0; i < x.length; i++) if (x[i] !== y[i]) return false
  return true
}
