// Rows that may run at once -> several of them at a time, jammed into all the loops that they have in common.
//
// What a pairwise loss reads for each pair is then read once for several rows, and the values of the pairs of several rows are
// computed together: a block of a matrix product in registers. Each further row works in scratch of its own.
import type { Buffer, Kernel, Operand, Stmt } from "../loops.ts"
import { Copier } from "../unroll/copy.ts"
import {
  type Loop,
  type Numbers,
  definedIn,
  dependsOn,
  hasLoop,
  isElementary,
  letsIn,
  literal,
  loopsIn,
  sameOperand,
  updatedIn,
  valueOf,
  weight,
  writtenIn,
} from "../unroll/facts.ts"
import { addOnce } from "../unroll/jam.ts"
import { groupsEnd, rest } from "../unroll/lanes.ts"
import { unswitch } from "../unroll/unswitch.ts"
import type { ShortSums } from "./short.ts"
import { forEachStatement, replaceStatements } from "../walk.ts"

/** Most statements of a row: what is written four times over and once more for the rest has to stay small. */
const HEAVIEST = 450
/** Rows that run together. */
export const ROWS = 4
/** Sums of a loop, those of all its rows, that have registers. */
const SUMS = 16

/** Groups of rows after which what they added up in f32 is added to arrays of f64. */
const GROUPS = 32

/** Jams the rows of blocks where they share what they read in pairs. With `sums` they add up in f32. */
export function jamRows(kernel: Kernel, body: readonly Stmt[], numbers: Numbers, sums?: ShortSums): Kernel {
  const scratch = [...kernel.scratch]
  const visit = (list: readonly Stmt[]): Stmt[] =>
    list.flatMap((s): Stmt[] => {
      if (s.kind === "if") return [Object.assign({}, s, { then: visit(s.then), else: visit(s.else) })]
      if (s.kind !== "for" || !s.blocks) return [s]
      const { own } = s.blocks
      const copies: Buffer[] = []
      const inside = s.body.flatMap((given): Stmt[] => {
        const x = given.kind === "for" ? { ...given, body: switched(given.body, numbers) } : given
        if (x.kind !== "for" || !pays(x, own) || !areApart(x, own)) return [given]
        const more = Array.from({ length: ROWS - 1 }, () => copiesOf(own, numbers))
        copies.push(...more.flatMap((map) => [...map.values()]))
        const before = sums?.made.length
        const all = jammed(x, more, { numbers, sums })
        copies.push(...(sums?.made.slice(before) ?? []))
        return all
      })
      scratch.push(...copies)
      return [{ ...s, blocks: { ...s.blocks, own: [...own, ...copies] }, body: inside }]
    })
  return { ...kernel, body: visit(body), scratch }
}

/** A block with the conditions that stand still in an innermost loop around that loop, where rows mostly agree on them. */
function switched(body: readonly Stmt[], numbers: Numbers): Stmt[] {
  return body.flatMap((s): Stmt[] => {
    if (s.kind === "if") return [{ ...s, then: switched(s.then, numbers), else: switched(s.else, numbers) }]
    if (s.kind !== "for") return [s]
    if (hasLoop(s.body)) return [{ ...s, body: switched(s.body, numbers) }]
    const branch = unswitch(s, numbers)
    return branch ? switched([branch], numbers) : [s]
  })
}

/** Whether no row may read what another one stores, as it does where both look for the largest number of an element. */
function areApart(rows: Loop, own: readonly Buffer[]): boolean {
  const stored = new Set<Buffer>()
  const read = new Set<Buffer>()
  forEachStatement(rows.body, (s) => {
    if (s.kind === "store" && !s.accumulate && !own.includes(s.buffer)) stored.add(s.buffer)
    if (s.kind === "load") read.add(s.buffer)
  })
  return [...stored].every((b) => !read.has(b))
}

/** Whether rows read the same elements in loops inside loops, which all of them run together. */
function pays(rows: Loop, scratch: readonly Buffer[]): boolean {
  if (rows.step || weight(rows.body) > HEAVIEST) return false
  const varies = dependsOn(rows.id, rows.body)
  const fixed = (x: Operand): boolean => x.kind === "number" || !varies.has(x.id)
  const loops = loopsIn(rows.body)
  const inLoops = definedIn(loops)
  const indices = new Set([rows, ...loops].map(({ id }) => id))
  const lets = letsIn(rows.body)
  /** A condition of rows holds for most of them or for few, and that two indices differ for all pairs but one. */
  const isCommon = (x: Operand): boolean => {
    if (x.kind === "number" || !varies.has(x.id) || !inLoops.has(x.id)) return true
    const made = lets.get(x.id)
    if (made?.op === "and") return made.args.every(isCommon)
    return made?.op === "ne" && made.args.every((arg) => arg.kind === "value" && indices.has(arg.id))
  }
  // What rows do not do together would be written once more for each of them, and run one by one.
  const isTogether = (s: Stmt): boolean => {
    if (s.kind === "sort") return false
    if (s.kind === "if") return !hasLoop([s]) || isCommon(s.condition)
    return s.kind !== "for" || !hasLoop(s.body) || (fixed(s.from) && fixed(s.to))
  }
  let all = true
  forEachStatement(rows.body, (s) => {
    all &&= isTogether(s)
  })
  const isShared = (x: Access): boolean => fixed(x.at) && !scratch.includes(x.buffer)
  /** A block of a matrix product, for whose sums there are registers. */
  const isProduct = ({ from, to, body }: Loop): boolean =>
    fixed(from) &&
    fixed(to) &&
    body.some((x) => x.kind === "load" && isShared(x)) &&
    body.some((x) => x.kind === "update" || (x.kind === "store" && x.accumulate && isShared(x))) &&
    updatedIn(body).size <= SUMS / ROWS &&
    !body.some((x) => x.kind === "if" || isElementary(x))
  return all && loops.some((outer) => loopsIn(outer.body).some((x) => !hasLoop(x.body) && isProduct(x)))
}

type Access = Extract<Stmt, { kind: "load" | "store" }>

const copiesOf = (own: readonly Buffer[], numbers: Numbers): ReadonlyMap<Buffer, Buffer> =>
  new Map(own.map((b) => [b, { ...b, id: numbers.value() }]))

/** The statements of one row, with the copier that knows what its values are called. */
interface Row {
  readonly copier: Copier
  readonly body: readonly Stmt[]
}

/** What makes numbers and arrays. */
interface Maker {
  readonly numbers: Numbers
  readonly sums: ShortSums | undefined
}

/** The rows in groups, and those of the end one by one. */
function jammed(s: Loop, more: readonly ReadonlyMap<Buffer, Buffer>[], maker: Maker): Stmt[] {
  const { numbers, sums } = maker
  const before = new Copier(numbers, new Set())
  const middle = groupsEnd(s, ROWS, before)
  const whole: Loop = { ...s, to: middle }
  const groups = (loop: Loop): readonly Stmt[] => [grouped(loop, more, maker)]
  return [
    ...before.out,
    ...(sums?.rows(whole, GROUPS * ROWS, groups) ?? groups(whole)),
    ...rest(s, middle, numbers),
  ]
}

function grouped(s: Loop, more: readonly ReadonlyMap<Buffer, Buffer>[], maker: Maker): Stmt {
  const { numbers } = maker
  const bodies = [s.body, ...more.map((map) => inScratch(s.body, map))]
  const id = numbers.value()
  const main = new Copier(numbers, writtenIn(bodies.flat()))
  const rows = bodies.map((body, k) => ({
    copier: main.fork(s.id, main.int("add", valueOf(id), literal(k))),
    body,
  }))
  together(rows, maker)
  return { ...s, id, step: literal(ROWS), body: outlined(main.out) }
}

/** Loops around loops, which jammed rows fill with more numbers than a processor has registers, to be functions of their own. */
function outlined(body: readonly Stmt[]): readonly Stmt[] {
  return body.map((s): Stmt => {
    if (s.kind === "if") return Object.assign({}, s, { then: outlined(s.then), else: outlined(s.else) })
    return s.kind === "for" ? { ...s, outlined: true } : s
  })
}

/** The statements of a row with other arrays. */
export function inScratch(body: readonly Stmt[], map: ReadonlyMap<Buffer, Buffer>): readonly Stmt[] {
  return replaceStatements(body, (s) =>
    s.kind === "load" || s.kind === "store" || s.kind === "fill"
      ? [{ ...s, buffer: map.get(s.buffer) ?? s.buffer }]
      : [s],
  )
}

/** Each statement for all rows before the next one. */
function together(rows: readonly Row[], maker: Maker): void {
  const [first] = rows as [Row]
  first.body.forEach((s, i) => {
    const all = rows.map(({ copier, body }) => ({ copier, s: body[i]! }))
    const agree = (of: Operand): boolean =>
      rows.every(({ copier }) => sameOperand(copier.operand(of), first.copier.operand(of)))
    if (s.kind === "for" && agree(s.from) && agree(s.to)) loop(all as Rows<Loop>, maker)
    else if (s.kind === "if" && (agree(s.condition) || loopsIn([s]).length > 0))
      branch(all as Rows<Branch>, agree(s.condition), maker)
    else for (const row of all) row.copier.copy([row.s])
  })
}

type Branch = Extract<Stmt, { kind: "if" }>
type Rows<S extends Stmt> = readonly { readonly copier: Copier; readonly s: S }[]

/** A block inside those of all rows. */
function inside(rows: readonly Row[], maker: Maker, index?: { id: number; as: Operand }): readonly Stmt[] {
  const block = rows[0]!.copier.inside()
  const own = rows.map(({ copier, body }) => {
    block.adopt(copier)
    // A block without an index has none to substitute.
    return { copier: block.fork(index?.id ?? -1, index?.as ?? literal(0)), body }
  })
  together(own, maker)
  return addOnce(block.out, maker.numbers)
}

function loop(rows: Rows<Loop>, maker: Maker): void {
  const { copier, s } = rows[0]!
  const id = maker.numbers.value()
  const body = inside(
    rows.map((row) => ({ copier: row.copier, body: row.s.body })),
    maker,
    { id: s.id, as: valueOf(id) },
  )
  const all: Loop = { ...s, id, from: copier.operand(s.from), to: copier.operand(s.to), body }
  copier.out.push(...(maker.sums?.pairs(all, GROUPS) ?? [all]))
}

/** All rows together where all take a branch, else one after another. */
function branch(rows: Rows<Branch>, isSame: boolean, maker: Maker): void {
  const { copier, s } = rows[0]!
  const side = (which: "then" | "else"): readonly Stmt[] =>
    inside(
      rows.map((row) => ({ copier: row.copier, body: row.s[which] })),
      maker,
    )
  if (isSame) {
    const condition = copier.operand(s.condition)
    copier.out.push(
      Object.assign({ kind: "if" as const, condition, else: side("else") }, { then: side("then") }),
    )
    return
  }
  const conditions = rows.map((row) => row.copier.operand(s.condition))
  const every = conditions.reduce((x, y) => {
    const id = maker.numbers.value()
    copier.out.push({ kind: "let", id, op: "and", args: [x, y], type: "bool" })
    return valueOf(id)
  })
  const then = side("then")
  const apart = copier.inside()
  for (const row of rows) {
    apart.adopt(row.copier)
    apart.copy([row.s])
  }
  copier.out.push(Object.assign({ kind: "if" as const, condition: every, else: apart.out }, { then }))
}
