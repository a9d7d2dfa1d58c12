// An innermost loop -> the same in lanes, each with accumulators of its own, and a loop for the rest.
import { flatMap } from "../lists.ts"
import type { Buffer, Operand, Stmt } from "../loops.ts"
import { forEachStatement } from "../walk.ts"
import { Copier } from "./copy.ts"
import {
  type Loop,
  type Numbers,
  identities,
  isElementary,
  letsIn,
  literal,
  valueOf,
  writtenIn,
} from "./facts.ts"
import { combinable } from "./outside.ts"

/** Where the last whole group of iterations ends, computed before the loop: a literal if it can be known. */
export function groupsEnd(s: Loop, size: number, before: Copier): Operand {
  const length = before.int("max", before.int("sub", s.to, s.from), literal(0))
  return before.int("sub", s.to, before.int("mod", length, literal(size)))
}

/** Unrolls an innermost loop by `count`, at most `own` lanes with accumulators of their own; with one lane it stays as it is. */
export function lanes(s: Loop, count: number, own: number, numbers: Numbers): Stmt[] {
  if (count === 1) return [s]
  const before = new Copier(numbers, new Set())
  const middle = groupsEnd(s, count, before)
  const written = writtenIn(s.body)
  const counts = countersIn(s.body)
  const numeric = [...combinable(s.body)].filter(
    ([acc]) => numbers.accs.get(acc) !== "bool" && !counts.has(acc),
  )
  const combined = numeric.map(([acc, op]) => ({
    acc,
    op,
    type: numbers.accs.get(acc)!,
    lanes: Array.from({ length: own - 1 }, () => numbers.acc(numbers.accs.get(acc)!)),
  }))
  const accs = flatMap(combined, ({ op, type, lanes: ids }): Stmt[] =>
    ids.map((id) => ({ kind: "acc", id, initial: literal(identities[op]!), type })),
  )
  const id = numbers.value()
  const main = new Copier(numbers, written)
  const starts: number[] = []
  for (let lane = 0; lane < count; lane++) {
    starts.push(main.out.length)
    main.substitute(s.id, main.int("add", valueOf(id), literal(lane)))
    for (const c of combined)
      main.substitute(c.acc, valueOf(lane % own === 0 ? c.acc : c.lanes[(lane % own) - 1]!))
    main.copy(s.body)
  }
  const combine = flatMap(combined, ({ acc, op, lanes: ids }) => tree(acc, op, ids, numbers))
  const whole: Stmt = {
    kind: "for",
    id,
    from: s.from,
    to: middle,
    step: literal(count),
    body: isChain(s.body) ? inPairs(main.out, starts) : main.out,
    axis: s.axis,
  }
  return [...before.out, ...accs, whole, ...combine, ...rest(s, middle, numbers)]
}

/**
 * Whether elementary functions wait for one another and statements of different iterations may change places. A processor
 * looks ahead a few hundred operations, which is less than two iterations then: it finds more to do at once if two lanes are
 * interleaved (4 gain no more, 8 have too few registers).
 */
function isChain(body: readonly Stmt[]): boolean {
  if (body.filter(isElementary).length < 2) return false
  const written = new Set<Buffer>()
  for (const s of body) {
    if (s.kind === "store") {
      if (written.has(s.buffer)) return false
      written.add(s.buffer)
    } else if (s.kind !== "let" && s.kind !== "load" && s.kind !== "update") return false
  }
  const free = combinable(body)
  return body.every(
    (s) => (s.kind !== "load" || !written.has(s.buffer)) && (s.kind !== "update" || free.has(s.acc)),
  )
}

/** The statements of each two lanes in turn. Values that lanes share are made by the first that needs them. */
function inPairs(body: readonly Stmt[], starts: readonly number[]): readonly Stmt[] {
  const lists = starts.map((from, lane) => body.slice(from, starts[lane + 1] ?? body.length))
  const out: Stmt[] = []
  for (let lane = 0; lane < lists.length; lane += 2) {
    const [first, second] = [lists[lane]!, lists[lane + 1]!]
    // Aligned at their ends: only the first can have more, at its beginning or where it makes what both use.
    const more = Math.max(0, first.length - second.length)
    out.push(...first.slice(0, more))
    for (let k = 0; k < Math.max(first.length - more, second.length); k++)
      out.push(...[first[more + k], second[k]].filter((s) => s !== undefined))
  }
  return out
}

/**
 * Accumulators that only count what fulfils a condition. One serves all lanes: its sums are exact in any order, and registers
 * are few.
 */
function countersIn(body: readonly Stmt[]): ReadonlySet<number> {
  const lets = letsIn(body)
  const out = new Set<number>()
  const others = new Set<number>()
  const isWhole = (x: Operand): boolean => x.kind === "number" && Number.isInteger(x.value)
  forEachStatement(body, (s) => {
    if (s.kind !== "update") return
    const made = s.value.kind === "value" ? lets.get(s.value.id) : undefined
    const counts =
      isWhole(s.value) ||
      made?.op === "indicator" ||
      ((made?.op === "select" || made?.op === "guard") && made.args.slice(1).every(isWhole))
    if (counts && s.op === "add") out.add(s.acc)
    else others.add(s.acc)
  })
  return new Set([...out].filter((acc) => !others.has(acc)))
}

/** The iterations that no whole group has. */
export function rest(s: Loop, from: Operand, numbers: Numbers): Stmt[] {
  if (from.kind === "number" && s.to.kind === "number" && from.value >= s.to.value) return []
  const copier = new Copier(numbers, writtenIn(s.body))
  copier.copy([{ ...s, from }])
  return copier.out
}

/** Combines the accumulators of the further lanes two by two, then with the first lane's. */
function tree(
  acc: number,
  op: "add" | "mul" | "max" | "min",
  own: readonly number[],
  numbers: Numbers,
): Stmt[] {
  const copier = new Copier(numbers, new Set())
  const value = copier.balanced(op, own.map(valueOf), numbers.accs.get(acc) === "int" ? "int" : "real")
  return [...copier.out, { kind: "update", acc, op, value }]
}
