// Loops -> what must be known before they may be unrolled: who reads, who writes, what depends on an index.
import type { Buffer, Kernel, Operand, Stmt } from "../loops.ts"
import { ops } from "../ops.ts"
import type { ScalarType } from "../types.ts"
import { definedBy, forEachStatement, operandsOf } from "../walk.ts"

export type Loop = Extract<Stmt, { kind: "for" }>
export type Let = Extract<Stmt, { kind: "let" }>
export type UpdateOp = Extract<Stmt, { kind: "update" }>["op"]

export const literal = (value: number): Operand => ({ kind: "number", value })
export const valueOf = (id: number): Operand => ({ kind: "value", id })
export const sameOperand = (x: Operand, y: Operand): boolean =>
  x.kind === "value"
    ? y.kind === "value" && x.id === y.id
    : y.kind === "number" && Object.is(x.value, y.value)

/** Makes numbers that no value of a kernel has, and knows which numbers are accumulators: a read of one cannot be shared. */
export class Numbers {
  readonly accs = new Map<number, ScalarType>()
  /** How conditions are made. */
  readonly conditions = new Map<number, Let>()
  private next = 0

  constructor(kernel: Kernel) {
    const see = (id: number): void => {
      this.next = Math.max(this.next, id + 1)
    }
    for (const s of kernel.scalars) see(s.id)
    for (const s of kernel.sizes) see(s.id)
    forEachStatement(kernel.body, (s) => {
      const id = definedBy(s)
      if (id !== undefined) see(id)
      if (s.kind === "acc") this.accs.set(s.id, s.type)
      if (s.kind === "let" && s.type === "bool") this.conditions.set(s.id, s)
    })
  }

  value(): number {
    return this.next++
  }

  acc(type: ScalarType): number {
    this.accs.set(this.next, type)
    return this.next++
  }
}

/** All loops of a block, outer before inner. */
export function loopsIn(body: readonly Stmt[]): Loop[] {
  const out: Loop[] = []
  forEachStatement(body, (s) => {
    if (s.kind === "for") out.push(s)
  })
  return out
}

/** How many loops a block has, those inside others included; counting ends at `most`. */
export function countLoops(body: readonly Stmt[], most = Infinity): number {
  let count = 0
  for (const s of body) {
    if (count >= most) return count
    if (s.kind === "for") count += 1 + countLoops(s.body, most - count - 1)
    else if (s.kind === "if") {
      count += countLoops(s.then, most - count)
      count += countLoops(s.else, most - count)
    }
  }
  return count
}

/** Whether a block has a loop. */
export const hasLoop = (body: readonly Stmt[]): boolean => countLoops(body, 1) > 0

/** Whether a statement computes an elementary function. */
export const isElementary = (s: Stmt): boolean => s.kind === "let" && (ops[s.op].cost ?? 1) >= 20

/** How many statements a block has, blocks inside included; elementary functions count for several. */
export function weight(body: readonly Stmt[], cost: (s: Stmt) => number = () => 1): number {
  let sum = 0
  forEachStatement(body, (s) => {
    sum += cost(s)
  })
  return sum
}

/** Arrays that a block writes. */
export function writtenIn(body: readonly Stmt[]): Set<Buffer> {
  const out = new Set<Buffer>()
  forEachStatement(body, (s) => {
    if (s.kind === "store" || s.kind === "fill") out.add(s.buffer)
    if (s.kind === "sort") out.add(s.index)
  })
  return out
}

/** The arrays that statements touch. */
export function touchedIn(body: readonly Stmt[]): Set<Buffer> {
  const out = new Set<Buffer>()
  forEachStatement(body, (s) => {
    if (s.kind === "load" || s.kind === "store" || s.kind === "fill") out.add(s.buffer)
    if (s.kind === "sort") out.add(s.keys).add(s.index)
  })
  return out
}

/** Numbers of values and accumulators that a block reads. */
export function readIn(body: readonly Stmt[]): Set<number> {
  const out = new Set<number>()
  forEachStatement(body, (s) => {
    for (const x of operandsOf(s)) if (x.kind === "value") out.add(x.id)
  })
  return out
}

/** Numbers that a block defines. */
export function definedIn(body: readonly Stmt[]): Set<number> {
  const out = new Set<number>()
  forEachStatement(body, (s) => {
    const id = definedBy(s)
    if (id !== undefined) out.add(id)
  })
  return out
}

/** The accumulators from outside that a block updates, with every way it updates each. */
export function updatedIn(body: readonly Stmt[]): Map<number, Set<UpdateOp>> {
  const own = new Set<number>()
  const out = new Map<number, Set<UpdateOp>>()
  forEachStatement(body, (s) => {
    if (s.kind === "acc") own.add(s.id)
    if (s.kind !== "update" || own.has(s.acc)) return
    const ways = out.get(s.acc) ?? new Set()
    out.set(s.acc, ways.add(s.op))
  })
  return out
}

/** Whether a block changes nothing that outlives it: values alone, which end with the block. */
export function withoutEffect(body: readonly Stmt[]): boolean {
  let result = false
  forEachStatement(body, (s) => {
    if (s.kind === "result") result = true
  })
  return !result && writtenIn(body).size === 0 && updatedIn(body).size === 0
}

/** Where each way of combining starts; `set` has no such value. */
export const identities: Readonly<Partial<Record<UpdateOp, number>>> = {
  add: 0,
  mul: 1,
  max: -Infinity,
  min: Infinity,
}

/** The values of a block that depend on a number, itself included. */
export function dependsOn(id: number, body: readonly Stmt[]): Set<number> {
  const out = new Set([id])
  const tainted = (list: readonly Operand[]): boolean => list.some((x) => x.kind === "value" && out.has(x.id))
  let before: number
  do {
    before = out.size
    forEachStatement(body, (s) => {
      if (s.kind === "let" && tainted(s.args)) out.add(s.id)
      else if (s.kind === "load" && tainted([s.at])) out.add(s.id)
      else if (s.kind === "acc" && tainted([s.initial])) out.add(s.id)
      else if (s.kind === "update" && tainted([s.value])) out.add(s.acc)
      else if (s.kind === "for" && tainted([s.from])) out.add(s.id)
    })
  } while (out.size > before)
  return out
}

/** The `let` statements of a block by number. */
export function letsIn(body: readonly Stmt[]): Map<number, Let> {
  const out = new Map<number, Let>()
  forEachStatement(body, (s) => {
    if (s.kind === "let") out.set(s.id, s)
  })
  return out
}
