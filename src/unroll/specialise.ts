// Loops -> the same loops for a size that is known: loops of one iteration vanish, arrays of one element become accumulators.
//
// Losses over `[b, c, ...]` mostly meet arrays without further axes, where the innermost loop has one iteration. Such a call
// gets the loops that a loss over `[b, c]` would have.
import { flatMap } from "../lists.ts"
import type { Buffer, Kernel, Operand, Stmt } from "../loops.ts"
import { ops } from "../ops.ts"
import { forEachStatement, operandsOf, withOperands } from "../walk.ts"
import { Copier } from "./copy.ts"
import { type Numbers, literal, loopsIn, sameOperand, valueOf } from "./facts.ts"

const isNumber = (x: Operand, value: number): boolean => x.kind === "number" && x.value === value

/** A kernel with loops of their own for calls without further axes, if a loop over them stands in another or around one. */
export function withSingles(kernel: Kernel, numbers: Numbers): Kernel {
  const size = kernel.sizes.find(({ value }) => value.kind === "size" && value.name === "...")
  if (!size) return kernel
  const over = (s: Stmt): boolean => s.kind === "for" && sameOperand(s.to, valueOf(size.id))
  if (
    !loopsIn(kernel.body).some((s) => loopsIn(s.body).length > 0 && (over(s) || loopsIn(s.body).some(over)))
  )
    return kernel
  const id = numbers.value()
  const condition: Stmt = { kind: "let", id, op: "eq", args: [valueOf(size.id), literal(1)], type: "bool" }
  const then = specialised(kernel, "...", 1, numbers)
  return { ...kernel, body: [condition, branch(valueOf(id), then, kernel.body)] }
}

const branch = (condition: Operand, then: readonly Stmt[], otherwise: readonly Stmt[]): Stmt =>
  Object.assign({ kind: "if" as const, condition, else: otherwise }, { then })

/** The statements of a kernel for a value of one of its sizes. */
function specialised(kernel: Kernel, name: string, value: number, numbers: Numbers): Stmt[] {
  const copier = new Copier(numbers, new Set(kernel.scratch.concat(kernel.outputs)))
  const known = new Map<number, Operand>()
  const read = (x: Operand): Operand => (x.kind === "value" ? (known.get(x.id) ?? x) : x)
  for (const s of kernel.sizes) {
    let folded: Operand | undefined
    if (s.value.kind === "size") folded = s.value.name === name ? literal(value) : undefined
    else folded = fold(s.value.op, s.value.args.map(read))
    if (folded) {
      known.set(s.id, folded)
      copier.substitute(s.id, folded)
    }
  }
  copier.copy(withoutSingleLoops(kernel.body, read))
  const single = kernel.scratch.filter((b) => isNumber(read(b.length), 1))
  return scalarise(copier.out, new Set(single), numbers)
}

function fold(op: keyof typeof ops, args: readonly Operand[]): Operand | undefined {
  if (args.every((x) => x.kind === "number"))
    return literal(
      (ops[op].eval as (...args: number[]) => number)(...args.map((x) => (x as { value: number }).value)),
    )
  const [x, y] = args
  if (op === "mul" && isNumber(x!, 1)) return y
  if ((op === "mul" || op === "idiv") && isNumber(y!, 1)) return x
  if (op === "add" && isNumber(x!, 0)) return y
  if ((op === "add" || op === "sub") && isNumber(y!, 0)) return x
  return undefined
}

/** Loops from 0 to 1 as their bodies, fills and sorts of one element as stores. */
function withoutSingleLoops(body: readonly Stmt[], read: (x: Operand) => Operand): Stmt[] {
  return flatMap(body, (s): Stmt[] => {
    if (s.kind === "if")
      return [{ ...s, then: withoutSingleLoops(s.then, read), else: withoutSingleLoops(s.else, read) }]
    if (s.kind === "fill" && isNumber(read(s.length), 1))
      return [{ kind: "store", buffer: s.buffer, at: s.at, value: literal(s.value) }]
    if (s.kind === "sort" && isNumber(read(s.length), 1))
      return [{ kind: "store", buffer: s.index, at: s.indexAt, value: literal(0) }]
    if (s.kind !== "for") return [s]
    const inside = withoutSingleLoops(s.body, read)
    if (!isNumber(read(s.from), 0) || !isNumber(read(s.to), 1)) return [{ ...s, body: inside }]
    return replaceIndex(inside, s.id)
  })
}

/** The body of a loop whose index is 0. */
function replaceIndex(body: readonly Stmt[], id: number): Stmt[] {
  const at = (x: Operand): Operand => (x.kind === "value" && x.id === id ? literal(0) : x)
  return body.map((s) => withOperands(s, at))
}

const touches = (s: Stmt, buffer: Buffer): boolean => {
  let found = false
  forEachStatement([s], (x) => {
    if ((x.kind === "load" || x.kind === "store" || x.kind === "fill") && x.buffer === buffer) found = true
    if (x.kind === "sort" && (x.keys === buffer || x.index === buffer)) found = true
  })
  return found
}

/** Arrays of one element as accumulators, declared in the innermost block that sets them first. */
function scalarise(body: readonly Stmt[], buffers: ReadonlySet<Buffer>, numbers: Numbers): Stmt[] {
  let out: Stmt[] = [...body]
  for (const buffer of buffers) {
    let plain = true
    forEachStatement(out, (s) => {
      if (s.kind === "fill" && s.buffer === buffer) plain = false
      if (s.kind === "sort" && (s.keys === buffer || s.index === buffer)) plain = false
      if ((s.kind === "load" || s.kind === "store") && s.buffer === buffer && !isNumber(s.at, 0))
        plain = false
    })
    if (plain) out = place(out, buffer, numbers)
  }
  return out
}

/** Declares the accumulator of a buffer in this block or in the one loop inside that alone uses it. */
function place(body: readonly Stmt[], buffer: Buffer, numbers: Numbers): Stmt[] {
  const users = body.filter((s) => touches(s, buffer))
  const [only] = users
  if (!only) return [...body]
  if (users.length === 1 && only.kind === "for" && setsFirst(only.body, buffer))
    return body.map((s) => (s === only ? { ...only, body: place(only.body, buffer, numbers) } : s))
  let type: "int" | "real" = "int"
  let loads = 0
  forEachStatement(users, (s) => {
    if (s.kind !== "load" || s.buffer !== buffer) return
    loads++
    if (s.type !== "int") type = "real"
  })
  if (loads === 0) type = "real"
  const acc = numbers.acc(type)
  const first = body.indexOf(only)
  return [
    ...body.slice(0, first),
    { kind: "acc", id: acc, initial: literal(0), type },
    ...asUpdates(body.slice(first), buffer, acc),
  ]
}

/** Whether a block stores into an element before anything reads it. */
function setsFirst(body: readonly Stmt[], buffer: Buffer): boolean {
  const first = body.find((s) => touches(s, buffer))
  if (first?.kind === "store") return !first.accumulate
  return (
    first?.kind === "for" &&
    setsFirst(first.body, buffer) &&
    body.filter((s) => touches(s, buffer)).length === 1
  )
}

function asUpdates(body: readonly Stmt[], buffer: Buffer, acc: number): Stmt[] {
  const combined = combining(body, buffer)
  return flatMap(body, (s): Stmt[] => {
    const merged = combined.get(s)
    if (merged) return merged === "part" ? [] : [{ kind: "update", acc, op: merged.op, value: merged.value }]
    if (s.kind === "load" && s.buffer === buffer)
      return [{ kind: "let", id: s.id, op: "stop", args: [valueOf(acc)], type: s.type }]
    if (s.kind === "store" && s.buffer === buffer)
      return [{ kind: "update", acc, op: s.accumulate ? "add" : "set", value: s.value }]
    if (s.kind === "for") return [{ ...s, body: asUpdates(s.body, buffer, acc) }]
    if (s.kind === "if")
      return [{ ...s, then: asUpdates(s.then, buffer, acc), else: asUpdates(s.else, buffer, acc) }]
    return [s]
  })
}

type Merged = "part" | { readonly op: "add" | "mul" | "max" | "min"; readonly value: Operand }

/** Finds `x = load; y = max(x, v); store y` in a block, where x and y serve for nothing else. */
function combining(body: readonly Stmt[], buffer: Buffer): Map<Stmt, Merged> {
  const out = new Map<Stmt, Merged>()
  const uses = new Map<number, number>()
  forEachStatement(body, (s) => {
    for (const x of operandsOf(s)) if (x.kind === "value") uses.set(x.id, (uses.get(x.id) ?? 0) + 1)
  })
  body.forEach((load, i) => {
    if (load.kind !== "load" || load.buffer !== buffer || uses.get(load.id) !== 1) return
    const from = body.slice(i + 1)
    const made = from.find(
      (s) => s.kind === "let" && s.args.some((x) => x.kind === "value" && x.id === load.id),
    )
    if (made?.kind !== "let" || uses.get(made.id) !== 1) return
    if (made.op !== "max" && made.op !== "min" && made.op !== "add" && made.op !== "mul") return
    const next = from.find((s) => touches(s, buffer))
    if (next?.kind !== "store" || next.accumulate || from.indexOf(next) < from.indexOf(made)) return
    if (next.value.kind !== "value" || next.value.id !== made.id) return
    const value = made.args.find((x) => !(x.kind === "value" && x.id === load.id))!
    out.set(load, "part").set(made, "part").set(next, { op: made.op, value })
  })
  return out
}
