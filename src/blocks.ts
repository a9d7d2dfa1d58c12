// Loops -> which of the outermost may be cut into blocks whose iterations run at once, and what stands in the way of the others.
//
// An iteration may store into elements of its own, work in scratch that it fills itself, and add to accumulators and arrays that
// nothing reads before the loop ends. Blocks have sizes that depend on the sizes of arrays alone, and what they add up is added in
// the order of the blocks: the result has the same bits however many threads run them.
import { fillsFirst } from "./blocks/fills.ts"
import { Places } from "./blocks/places.ts"
import type { Buffer, Kernel, Operand, Stmt } from "./loops.ts"
import { type Loop, letsIn, sameOperand, touchedIn, updatedIn, writtenIn } from "./unroll/facts.ts"
import { combinable } from "./unroll/outside.ts"
import { forEachStatement, operandsOf } from "./walk.ts"

/** How what blocks computed is put together. */
export type Combining = "add" | "mul" | "max" | "min"

/** How a loop is cut. */
export interface Cut {
  /** Accumulators from outside, each combined by one operator. */
  readonly sums: ReadonlyMap<number, Combining>
  /** Scratch that each iteration fills before it reads it: iterations that run at once need copies of their own. */
  readonly own: readonly Buffer[]
  /** Arrays into which iterations combine values at the same places: each block has a copy of its own. */
  readonly spread: ReadonlyMap<Buffer, Combining>
  /** Arrays of which each iteration has a part of its own, and touches nothing else: no condition keeps it in its part. */
  readonly parted: readonly Buffer[]
}

/** Why a loop runs on one thread. */
export type Obstacle =
  /** An iteration reads what another computed. */
  | { readonly kind: "order"; readonly what: Buffer | number }
  /** Iterations may write the same element. */
  | { readonly kind: "overlap"; readonly what: Buffer }
  /** The first or last index is computed from values. */
  | { readonly kind: "extent" }

/** What each outermost loop of a kernel allows; branches around loops are looked into. */
export function blocksOf(kernel: Kernel): ReadonlyMap<Loop, Cut | Obstacle> {
  const out = new Map<Loop, Cut | Obstacle>()
  const places = new Places(kernel)
  const sizes = new Set(kernel.sizes.map(({ id }) => id))
  const isKnown = (x: Operand): boolean => x.kind === "number" || sizes.has(x.id)
  const visit = (body: readonly Stmt[], outside: ReadonlySet<Buffer>): void => {
    const touched = body.map((s) => touchedIn([s]))
    body.forEach((s, i) => {
      const others = new Set(outside)
      touched.forEach((set, k) => {
        if (k !== i) for (const b of set) others.add(b)
      })
      if (s.kind === "if") {
        visit(s.then, others)
        visit(s.else, others)
      } else if (s.kind === "for")
        out.set(s, isKnown(s.from) && isKnown(s.to) ? cutOf(s, places, others) : { kind: "extent" })
    })
  }
  visit(kernel.body, new Set())
  return out
}

/** Whether a loop may be cut. */
export const isCut = (x: Cut | Obstacle): x is Cut => "sums" in x

/** Whether the iterations of a loop may run at once. `others` are the arrays that something outside of it touches. */
export function cutOf(loop: Loop, places: Places, others: ReadonlySet<Buffer>): Cut | Obstacle {
  if (loop.step) return { kind: "extent" }
  const sums = combinable(loop.body)
  for (const acc of updatedIn(loop.body).keys()) if (!sums.has(acc)) return { kind: "order", what: acc }
  const own: Buffer[] = []
  const spread = new Map<Buffer, Combining>()
  for (const buffer of writtenIn(loop.body)) {
    if (hasOwnElements(loop, buffer, places)) continue
    const combined = buffer.kind === "scratch" ? combiningOf(loop.body, buffer) : undefined
    if (buffer.kind === "scratch" && !others.has(buffer) && fillsFirst(loop.body, buffer, places))
      own.push(buffer)
    else if (combined) spread.set(buffer, combined)
    else
      return accessesOf(loop.body, buffer).some(({ kind }) => kind === "read")
        ? { kind: "order", what: buffer }
        : { kind: "overlap", what: buffer }
  }
  const parted = [...touchedIn(loop.body)].filter((buffer) =>
    accessesOf(loop.body, buffer).every(({ at, length }) => places.isPart(at, loop, buffer.length, length)),
  )
  return { sums, own, spread, parted }
}

/** Whether each iteration of a loop touches elements of an array that no other does. */
export function hasOwnElements(loop: Loop, buffer: Buffer, places: Places): boolean {
  const all = accessesOf(loop.body, buffer)
  const isApart = (digit: (access: Access) => string | undefined): boolean => {
    const digits = new Set(all.map(digit))
    return digits.size === 1 && !digits.has(undefined)
  }
  if (isApart(({ at, length }) => places.digit(at, loop, length))) return true
  const { extents } = buffer
  return !!extents && isApart(({ at, length }) => places.axis(at, loop, extents, length))
}

interface Access {
  readonly kind: "read" | "write"
  readonly at: Operand
  /** How many elements from there on; absent for one. */
  readonly length?: Operand
}

function accessesOf(body: readonly Stmt[], buffer: Buffer): Access[] {
  const out: Access[] = []
  forEachStatement(body, (s) => {
    if (s.kind === "load" && s.buffer === buffer) out.push({ kind: "read", at: s.at })
    if (s.kind === "store" && s.buffer === buffer) out.push({ kind: "write", at: s.at })
    if (s.kind === "fill" && s.buffer === buffer) out.push({ kind: "write", at: s.at, length: s.length })
    if (s.kind !== "sort") return
    if (s.keys === buffer) out.push({ kind: "read", at: s.keysAt, length: buffer.length })
    if (s.index === buffer) out.push({ kind: "write", at: s.indexAt, length: s.length })
  })
  return out
}

/** How a block combines values into an array that it uses for nothing else: by `x[i] += v`, or by `x[i] = max(x[i], v)`. */
function combiningOf(body: readonly Stmt[], buffer: Buffer): Combining | undefined {
  const ways = new Set<Combining | undefined>()
  const reads = new Map<number, number>()
  forEachStatement(body, (s) => {
    for (const x of operandsOf(s)) if (x.kind === "value") reads.set(x.id, (reads.get(x.id) ?? 0) + 1)
  })
  const lets = letsIn(body)
  const olds = new Map<number, Operand>()
  forEachStatement(body, (s) => {
    if (s.kind === "load" && s.buffer === buffer) olds.set(s.id, s.at)
    if (s.kind === "fill" && s.buffer === buffer) ways.add(undefined)
    if (s.kind === "sort" && (s.keys === buffer || s.index === buffer)) ways.add(undefined)
    if (s.kind !== "store" || s.buffer !== buffer) return
    if (s.accumulate) return ways.add("add")
    const made = s.value.kind === "value" ? lets.get(s.value.id) : undefined
    const old = made?.args.find((x) => x.kind === "value" && olds.has(x.id)) as { id: number } | undefined
    const isPlain =
      made !== undefined &&
      old !== undefined &&
      (made.op === "add" || made.op === "mul" || made.op === "max" || made.op === "min") &&
      sameOperand(olds.get(old.id)!, s.at) &&
      reads.get(old.id) === 1 &&
      reads.get(made.id) === 1
    if (isPlain) olds.delete(old.id)
    ways.add(isPlain ? (made.op as Combining) : undefined)
  })
  return ways.size === 1 && olds.size === 0 ? [...ways][0] : undefined
}
