// A loop inside rows that computes numbers and then runs a loop with each -> a loop for the numbers, which runs in lanes, and one
// for the loops, which reads them from scratch.

import type { Buffer, Kernel, Stmt } from "../loops.ts"
import { Copier } from "../unroll/copy.ts"
import {
  type Loop,
  type Numbers,
  definedIn,
  isElementary,
  loopsIn,
  readIn,
  touchedIn,
  updatedIn,
  valueOf,
  weight,
  writtenIn,
} from "../unroll/facts.ts"
import { combinable } from "../unroll/outside.ts"
import { definedBy } from "../walk.ts"

type Value = Extract<Stmt, { kind: "let" | "load" }>

/** Splits the loops inside the rows of blocks. */
export function inPhases(kernel: Kernel, body: readonly Stmt[], numbers: Numbers): Kernel {
  const scratch = [...kernel.scratch]
  const sizes = new Set(kernel.sizes.map(({ id }) => id))
  const rows = (list: readonly Stmt[], own: Buffer[]): Stmt[] =>
    list.flatMap((s): Stmt[] => {
      if (s.kind === "if") return [Object.assign({}, s, { then: rows(s.then, own), else: rows(s.else, own) })]
      return s.kind === "for" ? new Splitter(s, numbers, sizes, own).loops() : [s]
    })
  const visit = (list: readonly Stmt[]): Stmt[] =>
    list.flatMap((s): Stmt[] => {
      if (s.kind === "if") return [Object.assign({}, s, { then: visit(s.then), else: visit(s.else) })]
      if (s.kind !== "for" || !s.blocks) return [s]
      const own: Buffer[] = []
      const inside = s.body.map((x) => (x.kind === "for" ? { ...x, body: rows(x.body, own) } : x))
      scratch.push(...own)
      return [{ ...s, blocks: { ...s.blocks, own: [...s.blocks.own, ...own] }, body: inside }]
    })
  return { ...kernel, body: visit(body), scratch }
}

/** Splits one loop. */
class Splitter {
  private readonly loop: Loop
  private readonly numbers: Numbers
  private readonly sizes: ReadonlySet<number>
  /** Scratch that is made. */
  private readonly scratch: Buffer[]

  constructor(loop: Loop, numbers: Numbers, sizes: ReadonlySet<number>, scratch: Buffer[]) {
    this.loop = loop
    this.numbers = numbers
    this.sizes = sizes
    this.scratch = scratch
  }

  loops(): Stmt[] {
    const { loop } = this
    const { from, to, step, body } = loop
    const isWhole =
      !step && from.kind === "number" && from.value === 0 && (to.kind === "number" || this.sizes.has(to.id))
    if (!isWhole || loopsIn(body).length === 0) return [loop]
    const first = this.first()
    // Elementary functions alone cost more than what they are stored for.
    if (weight([...first], (s) => (isElementary(s) ? 1 : 0)) === 0) return [loop]
    const later = body.filter((s) => !first.has(s))
    const { again, stored } = this.crossing(first, later)
    const index = valueOf(loop.id)
    const kept = stored.map((s) => ({ s, buffer: this.buffer() }))
    const stores = kept.map(({ s, buffer }): Stmt => ({
      kind: "store",
      buffer,
      at: index,
      value: valueOf(s.id),
    }))
    const loads = kept.map(({ s: { id, type }, buffer }): Stmt => ({
      kind: "load",
      id,
      buffer,
      at: index,
      type,
    }))
    const copier = new Copier(this.numbers, writtenIn(later))
    copier.copy(outside({ ...loop, body: [...again, ...loads, ...later] }))
    return [{ ...loop, body: [...body.filter((s) => first.has(s)), ...stores] }, ...copier.out]
  }

  private buffer(): Buffer {
    const made: Buffer = {
      id: this.numbers.value(),
      kind: "scratch",
      element: "f64",
      length: this.loop.to,
    }
    this.scratch.push(made)
    return made
  }

  /** The statements that may run for all iterations before the others run for any. */
  private first(): ReadonlySet<Stmt> {
    const { body } = this.loop
    const first = new Set(body.filter((s) => loopsIn([s]).length === 0 && s.kind !== "sort"))
    const combined = combinable(body)
    const accs = new Set(body.flatMap((s) => (s.kind === "acc" ? [s.id] : [])))
    let before: number
    do {
      before = first.size
      const later = body.filter((s) => !first.has(s))
      const made = definedIn(later)
      const [touched, written] = [touchedIn(later), writtenIn(later)]
      const changed = new Set([...updatedIn(later).keys(), ...made])
      for (const s of first) {
        const own = definedIn([s])
        const reads = [...readIn([s])].filter((id) => !own.has(id))
        const updates = [...updatedIn([s]).keys()]
        const isFree =
          reads.every((id) => !changed.has(id)) &&
          updates.every((acc) => (accs.has(acc) ? !changed.has(acc) : combined.has(acc))) &&
          !(s.kind === "acc" && changed.has(s.id)) &&
          [...touchedIn([s])].every((b) => !written.has(b)) &&
          [...writtenIn([s])].every((b) => !touched.has(b))
        if (!isFree) first.delete(s)
      }
      // An accumulator has another value once its iteration has ended.
      const read = readIn(body.filter((s) => !first.has(s)))
      for (const s of first)
        if ([...updatedIn([s]).keys(), definedBy(s)].some((id) => accs.has(id!) && read.has(id!)))
          first.delete(s)
    } while (first.size < before)
    return first
  }

  /** What the others read of it: values to compute or load again, and those to keep. */
  private crossing(
    first: ReadonlySet<Stmt>,
    later: readonly Stmt[],
  ): { readonly again: readonly Stmt[]; readonly stored: readonly Value[] } {
    const written = writtenIn(this.loop.body)
    const makers = new Map<number, Value>()
    for (const s of first) if (s.kind === "let" || s.kind === "load") makers.set(s.id, s)
    const again = new Set<Stmt>()
    const stored = new Set<Value>()
    const need = (id: number): void => {
      const s = makers.get(id)
      if (!s || again.has(s) || stored.has(s)) return
      const isCheap = s.kind === "load" ? !written.has(s.buffer) : s.type === "int"
      if (!isCheap) return void stored.add(s)
      again.add(s)
      readIn([s]).forEach(need)
    }
    readIn(later).forEach(need)
    const inOrder = (list: ReadonlySet<Stmt>): Stmt[] => this.loop.body.filter((s) => list.has(s))
    return { again: inOrder(again), stored: inOrder(stored) as Value[] }
  }
}

/** A loop whose loops all stand under a condition that does not change -> the condition around the loop. */
function outside(loop: Loop): Stmt[] {
  const branch = loop.body.find((s) => loopsIn([s]).length > 0)
  const effects = loop.body.filter((s) => s.kind !== "let" && s.kind !== "load")
  if (branch?.kind !== "if" || effects.length > 1) return [loop]
  const own = definedIn([loop])
  const { condition } = branch
  if (condition.kind === "value" && own.has(condition.id)) return [loop]
  const side = (body: readonly Stmt[]): Stmt[] =>
    body.length === 0 ? [] : [{ ...loop, body: loop.body.flatMap((s) => (s === branch ? body : [s])) }]
  return [
    Object.assign({ kind: "if" as const, condition, else: side(branch.else) }, { then: side(branch.then) }),
  ]
}
