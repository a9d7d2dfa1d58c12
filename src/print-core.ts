// The core as text: what `explain` shows and tests compare.
import type { AxisExpr, Def, Expr, ReduceOp } from "./ir.ts"
import { definitions, postorder } from "./graph.ts"
import { isConst } from "./ir.ts"
import type { Loss } from "./loss.ts"
import type { OpName } from "./ops.ts"

const infix: Partial<Record<OpName, readonly [symbol: string, level: number]>> = {
  or: ["or", 1],
  and: ["and", 2],
  eq: ["==", 4],
  ne: ["!=", 4],
  lt: ["<", 4],
  le: ["<=", 4],
  add: ["+", 5],
  sub: ["-", 5],
  mul: ["*", 6],
  div: ["/", 6],
  pow: ["^", 9],
}

/** The symbols of operators when their operands change places. */
const turned: Partial<Record<OpName, string>> = { eq: "==", ne: "!=", lt: ">", le: ">=", add: "+" }

/** What the names of definitions start with. */
export const prefixes: Readonly<Record<ReduceOp, string>> = {
  sum: "S",
  prod: "P",
  max: "M",
  min: "N",
  logsumexp: "E",
  argmax: "A",
  argmin: "A",
  argsort: "O",
  let: "V",
  state: "F",
  step: "F",
}

const letters = "jklmnopqrstuvwxyz"

/** The first letter that is not taken as the name of an axis. */
export function freeLetter(taken: { has(name: string): boolean }): string {
  let i = 0
  while (taken.has(letters[i] ?? `i${i}`)) i++
  return letters[i] ?? `i${i}`
}

/** How an axis is called in text: the marks of inlined calls are left out. */
export const bare = (axis: AxisExpr): string =>
  axis.name.replace(/[~'].*$/, "") || axis.name.replace("~", "i")

class Printer {
  private readonly names = new Map<Def, string>()
  private readonly counts = new Map<string, number>()
  private readonly axes = new Map<Def, Map<AxisExpr, string>>()
  private readonly queue: Def[] = []
  private shared = new Map<Expr, string>()
  /** How many nodes are still printed; the rest of a larger expression is left out. */
  private left: number

  constructor(most = Infinity) {
    this.left = most
  }

  /** Lines for expressions, then for every definition they read, each where it is first met. */
  lines(heads: readonly (readonly [name: string, axes: readonly AxisExpr[], value: Expr])[]): string[] {
    for (const def of definitions(heads.map(([, , value]) => value)))
      this.axes.set(def, nameAxes(def, this.axes))
    const out: string[] = []
    for (const [name, axes, value] of heads) {
      const map = new Map(value.axes.map((a) => [a, bare(a)]))
      out.push(...this.line(name, axes.map(bare), value, undefined, map, (text) => text))
    }
    for (let def = this.queue.shift(); def; def = this.queue.shift()) {
      const map = this.axes.get(def)!
      const bound = def.bound.map((a) => map.get(a)!).join(", ")
      const wrap = (text: string): string => {
        const filter = isConst(def.filter, 1) ? "" : ` if ${this.print(def.filter, map, 0)}`
        return bound === "" ? text : `${def.op}[${bound}${filter}](${text})`
      }
      const axes = def.formals.map((a) => map.get(a)!)
      // A state has no name of its own: it is what the step before gave, and at first its initial value.
      if (def.op === "state")
        axes[0] = def.recurrence!.descending ? this.print(def.formals[0]!.extent, map, 0) : "-1"
      out.push(...this.line(this.names.get(def)!, axes, def.body, def.filter, map, wrap))
    }
    return out
  }

  /** One line, after those of large expressions that it reads more than once. */
  private line(
    name: string,
    axes: readonly string[],
    value: Expr,
    filter: Expr | undefined,
    map: ReadonlyMap<AxisExpr, string>,
    wrap: (text: string) => string,
  ): string[] {
    const before: string[] = []
    this.shared = new Map()
    for (const e of repeated(filter ? [filter, value] : [value])) {
      const text = this.print(e, map, 0)
      const short = this.number("T")
      const at = e.axes.map((a) => map.get(a) ?? bare(a))
      before.push(`${indexed(short, at)} = ${text}`)
      this.shared.set(e, indexed(short, at))
    }
    before.push(`${indexed(name, axes)} = ${wrap(this.print(value, map, 0))}`)
    return before
  }

  private number(prefix: string): string {
    const n = (this.counts.get(prefix) ?? 0) + 1
    this.counts.set(prefix, n)
    return `${prefix}${n}`
  }

  private refer(def: Def): string {
    const known = this.names.get(def)
    if (known) return known
    const name = this.number(prefixes[def.op])
    const { states, steps } = def.recurrence ?? { states: [def], steps: [def] }
    const at = Math.max(states.indexOf(def), steps.indexOf(def))
    for (const d of new Set([states[at]!, steps[at]!])) {
      this.names.set(d, name)
      this.queue.push(d)
    }
    return name
  }

  /** An expression; parentheses where the level of what surrounds it asks for them. */
  print(e: Expr, axes: ReadonlyMap<AxisExpr, string>, level: number): string {
    const known = this.shared.get(e)
    if (known) return known
    if (--this.left < 0) return "…"
    const go = (x: Expr, at = 0): string => this.print(x, axes, at)
    const paren = (text: string, own: number): string => (own < level ? `(${text})` : text)
    switch (e.kind) {
      case "const":
        if (e.type === "bool") return e.value ? "true" : "false"
        return paren(numberText(e.value), e.value < 0 || Object.is(e.value, -0) ? 7 : 10)
      case "size":
        return `size(${e.name})`
      case "axis":
        return axes.get(e) ?? bare(e)
      case "load":
        return indexed(
          e.input.name,
          e.index.map((x) => go(x)),
        )
      case "ref": {
        const index = e.index.map((x) => go(x))
        if (e.def.op === "state")
          index[0] = `${go(e.index[0]!, 5)} ${e.def.recurrence!.descending ? "+" : "-"} 1`
        return indexed(this.refer(e.def), index)
      }
      case "op": {
        let [x, y] = e.args
        const z = e.args[2]
        const known = infix[e.op]
        if (e.op === "mul" && x === y) return paren(`${go(x!, 10)}^2`, 9)
        if (known) {
          let [symbol] = known
          const own = known[1]
          // Constants on the left are where the order of the core puts them, not where people look for them.
          if (x!.kind === "const" && y!.kind !== "const" && turned[e.op]) {
            symbol = turned[e.op]!
            ;[x, y] = [y, x]
          }
          const choices = x!.kind === "load" ? x!.input.choices : undefined
          if (choices && y!.kind === "const" && own === 4 && choices[y!.value] !== undefined)
            return paren(`${go(x!, 5)} ${symbol} ${JSON.stringify(choices[y!.value])}`, own)
          const right = e.op === "pow"
          return paren(
            `${go(x!, right || own === 4 ? own + 1 : own)} ${symbol} ${go(y!, right ? own : own + 1)}`,
            own,
          )
        }
        if (e.op === "neg") return paren(`-${go(x!, 7)}`, 7)
        if (e.op === "not") return paren(`not ${go(x!, 4)}`, 3)
        if (e.op === "select") return paren(`if ${go(x!)} then ${go(y!)} else ${go(z!)}`, 0)
        if (e.op === "guard") return paren(`if ${go(x!)} then ${go(y!)} else 0`, 0)
        return `${e.op === "idiv" ? "div" : e.op}(${e.args.map((arg) => go(arg)).join(", ")})`
      }
    }
  }
}

/** Names for the axes of a definition, from the inputs and definitions it reads, whose names are known. */
export function nameAxes(
  def: Def,
  known: ReadonlyMap<Def, ReadonlyMap<AxisExpr, string>>,
): Map<AxisExpr, string> {
  const wishes = new Map<AxisExpr, Set<string>>(
    [...def.formals, ...def.bound].map((axis) => [axis, new Set()]),
  )
  const wish = (at: Expr, name: string | undefined): void => {
    if (at.kind === "axis" && name) wishes.get(at)?.add(name)
  }
  const nodes = postorder([def.body, def.filter])
  for (const e of nodes)
    if (e.kind === "load") e.index.forEach((at, i) => wish(at, e.input.dimensions[i]!.name))
  for (const e of nodes) {
    if (e.kind === "ref") e.index.forEach((at, i) => wish(at, known.get(e.def)?.get(e.def.formals[i]!)))
    if (e.kind === "op" && (e.op === "eq" || e.op === "ne"))
      e.args.forEach((at, i) => {
        const other = e.args[1 - i]!
        if (other.kind === "load") wish(at, other.input.label?.axis)
      })
  }
  const out = new Map<AxisExpr, string>()
  const taken = new Set<string>()
  for (const [axis, names] of wishes) {
    const free = [...names].find((name) => !taken.has(name))
    if (free === undefined) continue
    out.set(axis, free)
    taken.add(free)
  }
  // An argsort keeps its axis, and so its name.
  const kept = def.op === "argsort" ? def.formals.at(-1) : undefined
  for (const axis of [...def.formals, ...def.bound]) {
    if (out.has(axis) || axis === kept) continue
    const letter = freeLetter(taken)
    out.set(axis, letter)
    taken.add(letter)
  }
  if (kept) out.set(kept, out.get(def.bound[0]!)!)
  return out
}

const indexed = (name: string, index: readonly string[]): string =>
  index.length > 0 ? `${name}[${index.join(",")}]` : name

function numberText(value: number): string {
  if (value === Infinity) return "inf"
  if (value === -Infinity) return "-inf"
  return Object.is(value, -0) ? "-0" : String(value)
}

/** Expressions of some size that are read more than once below the roots, children first. */
function repeated(roots: readonly Expr[]): Expr[] {
  const uses = new Map<Expr, number>()
  const sizes = new Map<Expr, number>()
  const out: Expr[] = []
  const visit = (e: Expr): number => {
    uses.set(e, (uses.get(e) ?? 0) + 1)
    const known = sizes.get(e)
    if (known !== undefined) return known
    const below = e.kind === "op" ? e.args : e.kind === "load" || e.kind === "ref" ? e.index : []
    const size = [...new Set(below)].reduce((sum, x) => Math.min(sum + visit(x), 1000), 1)
    sizes.set(e, size)
    out.push(e)
    return size
  }
  roots.forEach(visit)
  return out.filter((e) => !roots.includes(e) && e.kind === "op" && uses.get(e)! > 1 && sizes.get(e)! > 6)
}

/** An expression on one line, cut where it is long; the definitions it reads show by name only. */
export function printExpr(e: Expr): string {
  return new Printer(200).print(e, new Map(), 0)
}

/** Named expressions and the definitions they read, a line each. */
export function printDefinitions(
  heads: readonly (readonly [name: string, axes: readonly AxisExpr[], value: Expr])[],
): string {
  return new Printer().lines(heads).join("\n")
}

/** What a loss computes: `L` is the loss of a row, `where` and `per` its tails, and the definitions follow. */
export function printLoss(loss: Loss): string {
  const rows = (e: Expr): AxisExpr[] => loss.batch.filter((a) => e.axes.includes(a))
  const heads: (readonly [string, readonly AxisExpr[], Expr])[] = [["L", loss.batch, loss.value]]
  if (!isConst(loss.where, 1)) heads.push(["where", rows(loss.where), loss.where])
  if (!isConst(loss.per, 1)) heads.push(["per", rows(loss.per), loss.per])
  return printDefinitions(heads)
}
