// What is found out about nodes, once for each: kept in the node, because most facts cost less than a lookup in a WeakMap.
import type { Expr } from "./expr.ts"

/** A list with a place for each fact, none of which is known. */
const unknown: undefined[] = []

/** A fact about nodes, which depends on the node alone. */
export class NodeFact<T extends object | number | boolean> {
  private readonly place = unknown.push(undefined) - 1

  get(e: Expr): T | undefined {
    return e.facts?.[this.place] as T | undefined
  }

  set(e: Expr, fact: T): void {
    const node = e as { facts: Expr["facts"] }
    node.facts ??= unknown.slice()
    node.facts[this.place] = fact
  }
}
