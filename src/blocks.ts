// Loops -> which of the outermost may be cut into blocks whose iterations run at once, and what stands in the way of the others.
//
// An iteration may store into elements of its own, work in scratch that it fills itself, and add to accumulators and arrays that
// nothing reads before the loop ends. Blocks have sizes that depend on the sizes of arrays alone, and what they add up is added in
// the order of the blocks: the result has the same bits however many threads run them.
import { Places } from "./blocks/places.ts"
import type { Buffer, Kernel, Operand, Stmt } from "./loops.ts"
import { type Loop, combinable, letsIn, sameOperand, updatedIn, writtenIn } from "./unroll/facts.ts"
import { forEachStatement, operandsOf } from "./walk.ts"

type Branch = Extract<Stmt, { kind: "if" }>
type Lets = ReturnType<typeof letsIn>

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
  const lets = letsIn(loop.body)
  const own: Buffer[] = []
  const spread = new Map<Buffer, Combining>()
  for (const buffer of writtenIn(loop.body)) {
    if (hasOwnElements(loop, buffer, places)) continue
    const combined = buffer.kind === "scratch" ? combiningOf(loop.body, buffer) : undefined
    if (buffer.kind === "scratch" && !others.has(buffer) && fillsFirst(loop.body, buffer, lets))
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
  return !!extents && isApart(({ at, length }) => (length ? undefined : places.axis(at, loop, extents)))
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

/** The arrays that statements touch. */
export function touchedIn(body: readonly Stmt[]): Set<Buffer> {
  const out = new Set<Buffer>()
  forEachStatement(body, (s) => {
    if (s.kind === "load" || s.kind === "store" || s.kind === "fill") out.add(s.buffer)
    if (s.kind === "sort") out.add(s.keys).add(s.index)
  })
  return out
}

/** Whether the first statement that touches an array sets its elements, in every iteration or wherever they are read. */
function fillsFirst(body: readonly Stmt[], buffer: Buffer, lets: Lets): boolean {
  const users = body.filter((s) => touchedIn([s]).has(buffer))
  const [first] = users
  switch (first?.kind) {
    case "store":
      return !first.accumulate
    case "fill":
      return true
    case "sort":
      return first.index === buffer && first.keys !== buffer
    case "for":
      return fillsFirst(first.body, buffer, lets)
    case "if":
      return (
        isOnlyUnder(first, users, buffer, lets, []) &&
        [first.then, first.else].every(
          (side) => !touchedIn(side).has(buffer) || fillsFirst(side, buffer, lets),
        )
      )
    default:
      return false
  }
}

/** Whether statements touch an array only in branches that are taken with those of a first one that touch it. */
function isOnlyUnder(
  first: Branch,
  body: readonly Stmt[],
  buffer: Buffer,
  lets: Lets,
  holding: readonly Operand[],
): boolean {
  return body.every((s) => {
    if (!touchedIn([s]).has(buffer)) return true
    if (s.kind === "for") return isOnlyUnder(first, s.body, buffer, lets, holding)
    if (s.kind !== "if") return false
    const isLike = sameOperand(s.condition, first.condition)
    const inside = [...holding, ...partsOf(s.condition, lets)]
    const isImplied = partsOf(first.condition, lets).every((x) => inside.some((y) => sameOperand(x, y)))
    return (
      ((isImplied && touchedIn(first.then).has(buffer)) ||
        isOnlyUnder(first, s.then, buffer, lets, inside)) &&
      ((isLike && touchedIn(first.else).has(buffer)) || isOnlyUnder(first, s.else, buffer, lets, holding))
    )
  })
}

/** The conditions that a conjunction says all hold. */
function partsOf(condition: Operand, lets: Lets): Operand[] {
  const made = condition.kind === "value" ? lets.get(condition.id) : undefined
  return made?.op === "and" ? made.args.flatMap((x) => partsOf(x, lets)) : [condition]
}
