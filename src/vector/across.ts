// Rows that may run at once and are short -> four of them in the lanes of vectors, with the loops inside of them as they are.
//
// A row of a few elements fills no vectors, and what is computed once a row would be computed by itself. In lanes all of it is
// computed for four rows. Scratch of a row lies beside that of the three others. Rows that no group has run as before.

import type { Buffer, Kernel, Operand, Stmt } from "../loops.ts"
import { Copier } from "../unroll/copy.ts"
import {
  type Loop,
  type Numbers,
  isElementary,
  literal,
  loopsIn,
  sameOperand,
  touchedIn,
  updatedIn,
  valueOf,
  weight,
} from "../unroll/facts.ts"
import { combinable } from "../unroll/outside.ts"
import { groupsEnd, rest } from "../unroll/lanes.ts"
import { Sizes } from "../unroll/sizes.ts"
import { decided, writtenOut } from "../unroll/written-out.ts"
import { mayRunAtOnce } from "./legal.ts"
import { inScratch } from "./rows.ts"
import { shapesOf } from "./shapes.ts"

/**
 * Longest loops inside rows in lanes. Elements that are as far apart as rows are loaded one by one, which vectors along the row save:
 * elementary functions hide that for longer.
 */
const LONGEST = { plain: 7, elementary: 24 }
/** Loops inside of a row that are written out, and most statements of a row, which is written once more. */
const SHORT = { iterations: 8, weight: 240 }
const HEAVIEST = 480

const LANES = 4

/** Puts short rows of blocks into lanes. */
export function acrossRows(kernel: Kernel, body: readonly Stmt[], numbers: Numbers): Kernel {
  const scratch = [...kernel.scratch]
  const sizes = new Sizes(kernel, numbers)
  const isSize = new Set(kernel.sizes.map(({ id }) => id))
  /** The length of scratch of all lanes. */
  const times = (length: Operand): Operand => {
    return sizes.op("mul", length, literal(LANES))
  }
  const visit = (list: readonly Stmt[]): Stmt[] =>
    list.flatMap((s): Stmt[] => {
      if (s.kind === "if") return [Object.assign({}, s, { then: visit(s.then), else: visit(s.else) })]
      if (s.kind !== "for" || !s.blocks) return [s]
      const { own, parted } = s.blocks
      const copies: Buffer[] = []
      const inside = s.body.flatMap((x): Stmt[] => {
        if (x.kind !== "for" || x.step || loopsIn(x.body).length === 0) return [x]
        const flat = decided(shortened(x.body, numbers), numbers)
        const row: Loop = { ...x, body: flat }
        if (loopsIn(flat).length === 0) return [mayRunAtOnce(row) ? row : x]
        const longest = longestOf(row)
        const extents = extentsOf(row, isSize, longest)
        if (!extents || weight(flat) > HEAVIEST || !areApart(row, own, parted)) return [x]
        return inLanes(x, row, { extents, longest }, { own, parted }, numbers, (b) => {
          const copy: Buffer = { ...b, id: numbers.value(), length: times(b.length) }
          copies.push(copy)
          return copy
        })
      })
      scratch.push(...copies)
      return [{ ...s, blocks: { ...s.blocks, own: [...own, ...copies] }, body: inside }]
    })
  const all = visit(body)
  return { ...kernel, body: all, scratch, sizes: sizes.values }
}

/** Short loops of a block written out, inner ones first. */
function shortened(body: readonly Stmt[], numbers: Numbers): Stmt[] {
  return body.flatMap((s): Stmt[] => {
    if (s.kind === "if") return [{ ...s, then: shortened(s.then, numbers), else: shortened(s.else, numbers) }]
    if (s.kind !== "for") return [s]
    const inside = { ...s, body: shortened(s.body, numbers) }
    return (!s.step && writtenOut(inside, SHORT, numbers)) || [inside]
  })
}

const longestOf = (row: Loop): number =>
  loopsIn(row.body).some(({ body }) => weight(body, (s) => (isElementary(s) ? 1 : 0)) > 0)
    ? LONGEST.elementary
    : LONGEST.plain

/** The lengths of the loops inside of a row, if they are the same for all rows and none of them has another inside. */
function extentsOf(row: Loop, sizes: ReadonlySet<number>, longest: number): readonly Operand[] | undefined {
  const out: Operand[] = []
  for (const { from, to, step, body } of loopsIn(row.body)) {
    const isShort = to.kind === "number" ? to.value <= longest : sizes.has(to.id)
    if (step || from.kind !== "number" || from.value < 0 || !isShort || loopsIn(body).length > 0)
      return undefined
    if (!out.some((x) => sameOperand(x, to))) out.push(to)
  }
  return out
}

/** Whether rows in lanes write each their own elements, or add to those of all. */
function areApart(row: Loop, own: readonly Buffer[], parted: readonly Buffer[]): boolean {
  const combined = combinable(row.body)
  for (const acc of updatedIn(row.body).keys()) if (!combined.has(acc)) return false
  const varies = shapesOf(row)
  const isOwn = new Set([...own, ...parted])
  const isFixed = (x: Operand): boolean => x.kind === "number" || !varies.has(x.id)
  const added = new Set<Buffer>()
  const read = new Set<Buffer>()
  /** `inSome` says that some lanes alone may run a block. */
  const mayRun = (body: readonly Stmt[], inSome: boolean): boolean =>
    body.every((s) => {
      if (s.kind === "if") {
        const inside = inSome || !isFixed(s.condition)
        return mayRun(s.then, inside) && mayRun(s.else, inside)
      }
      if (s.kind === "for") return isFixed(s.from) && isFixed(s.to) && mayRun(s.body, inSome)
      if (s.kind === "load") read.add(s.buffer)
      if (s.kind === "fill")
        return isFixed(s.length) && (parted.includes(s.buffer) || (own.includes(s.buffer) && !inSome))
      if (s.kind !== "store") return s.kind !== "sort" && s.kind !== "result"
      if (!isOwn.has(s.buffer)) added.add(s.buffer)
      return isOwn.has(s.buffer) || s.accumulate === true
    })
  return mayRun(row.body, false) && [...added].every((b) => !read.has(b))
}

interface Arrays {
  readonly own: readonly Buffer[]
  readonly parted: readonly Buffer[]
}

/** The groups of rows in lanes, if the loops inside are short enough, and the other rows as they were. */
function inLanes(
  s: Loop,
  row: Loop,
  { extents, longest: most }: { readonly extents: readonly Operand[]; readonly longest: number },
  { own, parted }: Arrays,
  numbers: Numbers,
  copyOf: (b: Buffer) => Buffer,
): Stmt[] {
  const before = new Copier(numbers, new Set())
  const longest = extents.reduce((x, y) => before.int("max", x, y))
  let end = groupsEnd(s, LANES, before)
  if (longest.kind === "value") {
    const [isShort, chosen] = [numbers.value(), numbers.value()]
    before.out.push(
      { kind: "let", id: isShort, op: "le", args: [longest, literal(most)], type: "bool" },
      { kind: "let", id: chosen, op: "select", args: [valueOf(isShort), end, s.from], type: "int" },
    )
    end = valueOf(chosen)
  }
  const wide = new Map(own.filter((b) => touchedIn(row.body).has(b)).map((b) => [b, copyOf(b)]))
  const body = inScratch(row.body, wide)
  return [
    ...before.out,
    { ...row, to: end, lanes: LANES, rows: { own: [...wide.values()], parted }, body },
    ...rest(s, end, numbers),
  ]
}
