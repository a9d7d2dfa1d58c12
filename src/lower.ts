// A tree of loops with its storage -> a kernel: loops over the ranges that conditions leave, around the statements of `definitions.ts`.
import { Definitions } from "./definitions.ts"
import { demands } from "./demand.ts"
import type { Placed } from "./dimensions.ts"
import { fromLinear, linear } from "./flat.ts"
import type { Tree } from "./fuse.ts"
import type { AxisExpr, Expr } from "./ir.ts"
import { number } from "./layout.ts"
import { flatMap } from "./lists.ts"
import type { Kernel, Operand } from "./loops.ts"
import type { Outputs } from "./loss.ts"
import { readsData } from "./range.ts"
import { storageOf } from "./storage.ts"
import type { Dtype } from "./types.ts"
import type { Scope } from "./values.ts"

/** Makes the kernel of a tree of loops; `exact` if equal expressions must have equal bits in whatever loops they are computed. */
export function lower(outputs: Outputs, tree: readonly Tree[], dtype: Dtype, exact: boolean): Kernel {
  return new Lowering(outputs, tree, dtype, exact).kernel(tree, dtype)
}

class Lowering extends Definitions {
  private readonly demand: ReadonlyMap<Placed, ReadonlySet<Expr>>

  constructor(outputs: Outputs, tree: readonly Tree[], dtype: Dtype, exact: boolean) {
    super(outputs, storageOf(tree), dtype, exact)
    this.demand = demands([...this.storage.keys()])
  }

  kernel(tree: readonly Tree[], dtype: Dtype): Kernel {
    const top: Scope = { block: [], depth: 0, values: new Map(), facts: [], lazy: false }
    this.scopes = [top]
    this.trees(tree)
    const { inputs, outputs, scratch, scalars, sizeNames, sizeValues } = this.layout
    return {
      dtype,
      inputs: [...inputs.values()],
      outputs: [...outputs.values()].map((output) => output.buffer),
      scratch: [...scratch.values()],
      scalars,
      sizeNames,
      sizes: sizeValues,
      body: top.block,
      results: this.outputs.scalars.map((s) => s.name),
    }
  }

  private trees(list: readonly Tree[]): void {
    for (const t of list)
      if (t.kind === "loop") this.loop(t)
      else this.statement(t.statement)
  }

  private loop(loop: Tree & { kind: "loop" }): void {
    const members = membersOf(loop)
    const depth = this.scope.depth
    const starting = members.filter(
      (s) => this.storage.get(s)!.outside === depth && s.kind === "define" && s.bound.length > 0,
    )
    for (const s of starting) this.start(s)

    const { axis } = loop
    const common = this.commonDemand(members)
    const outer = common.filter((c) => !c.axes.includes(axis))
    const inner = common.filter((c) => c.axes.includes(axis))
    this.reader = readerOf(outer, members)
    this.branch(
      outer,
      () => this.ranges(loop, inner, members),
      () => members.forEach((s) => this.zero(s)),
    )
    for (const s of starting) this.finish(s)
  }

  /** What every member demands and nobody has tested yet, as far as it can be tested before the loop or at its start. */
  private commonDemand(members: readonly Placed[]): Expr[] {
    const known = new Set(this.scope.facts)
    const [first, ...rest] = members.map((s) => this.demand.get(s)!)
    const shared = [...first!].filter((c) => !known.has(c) && rest.every((d) => d.has(c)))
    return shared.filter((c) => this.testable(c, members))
  }

  /** A condition is testable at a loop if nothing it reads is computed inside that loop. */
  private testable(c: Expr, members: readonly Placed[]): boolean {
    const inside = new Set(members.map((s) => s.def))
    const ok = (e: Expr): boolean => {
      if (e.kind === "ref") return !inside.has(e.def) && e.index.every(ok)
      if (e.kind === "load") return e.index.every(ok)
      return e.kind !== "op" || e.args.every(ok)
    }
    return (
      ok(c) && c.axes.every((a) => this.open.has(a) || members.every((s) => s.loops[this.scope.depth] === a))
    )
  }

  /** The loop itself, over the ranges that the conditions on its own axis leave. */
  private ranges(loop: Tree & { kind: "loop" }, inner: readonly Expr[], members: readonly Placed[]): void {
    const { axis } = loop
    const stores = members.some((s) => s.kind === "store" && !s.follows && s.place.includes(axis))
    let pieces: [Operand, Operand][] = [[number(0), this.layout.size(axis.extent)]]
    const tested: Expr[] = []
    const facts: Expr[] = []
    for (const c of inner) {
      const cut = stores || (isInequality(c) && isDeep(loop)) ? undefined : this.cut(c, axis, pieces)
      if (cut) {
        pieces = cut
        facts.push(c)
      } else tested.push(c)
    }
    if (loop.descending) pieces.reverse()
    for (const [from, to] of pieces) {
      const id = this.fresh()
      const { depth, lazy } = this.scope
      const last = loop.descending ? this.last(from, to) : undefined
      this.open.set(axis, depth + 1)
      const body = this.inside(
        { depth: depth + 1, facts: [...this.scope.facts, ...facts, ...this.implied(axis)], lazy },
        () => {
          const index: Operand = { kind: "value", id }
          this.scope.values.set(axis, last ? this.emit(this.scope, "sub", [last, index], "int") : index)
          this.reader = readerOf(tested, members)
          this.branch(
            tested,
            () => this.trees(loop.body),
            () => members.forEach((s) => this.zero(s)),
          )
        },
      )
      this.open.delete(axis)
      this.scope.block.push({ kind: "for", id, from, to, body, axis: this.label(axis) })
    }
  }

  /** What an index counted from `from` up is taken from to count from `to` down. */
  private last(from: Operand, to: Operand): Operand {
    const end = this.emit(this.scope, "sub", [to, number(1)], "int")
    return from.kind === "number" && from.value === 0 ? end : this.emit(this.scope, "add", [end, from], "int")
  }

  /** Inside a loop its extent is not 0. */
  private implied(axis: AxisExpr): Expr[] {
    const { core } = this
    return [core.op("ne", axis.extent, core.zero), core.op("lt", core.zero, axis.extent)]
  }

  /** A comparison of the loop's axis with an int from outside shortens or splits the range instead of being tested. */
  private cut(
    c: Expr,
    axis: AxisExpr,
    pieces: readonly [Operand, Operand][],
  ): [Operand, Operand][] | undefined {
    if (c.kind !== "op" || (c.op !== "ne" && c.op !== "lt" && c.op !== "le")) return undefined
    const { core } = this
    const form = linear(core.op("sub", c.args[0]!, c.args[1]!))
    const sign = form.terms.get(axis)
    if (c.args.some((x) => x.type !== "int") || (sign !== 1 && sign !== -1)) return undefined
    const terms = new Map([...form.terms].filter(([e]) => e !== axis).map(([e, k]) => [e, -k * sign]))
    const other = fromLinear(core, { terms, constant: -form.constant * sign })
    if (other.axes.includes(axis) || readsData(other)) return undefined
    const at = this.operand(other)
    const after = this.operand(core.op("add", other, core.one))
    const limit = (op: "min" | "max", x: Operand, y: Operand): Operand =>
      this.emit(this.scope, op, [x, y], "int")
    return flatMap(pieces, ([from, to]): [Operand, Operand][] => {
      // axis - other: `< 0`, `<= 0` or `!= 0` for sign 1; the mirror image for -1.
      if (c.op === "ne")
        return [
          [from, limit("min", to, at)],
          [limit("max", from, after), to],
        ]
      if (sign === 1) return [[from, limit("min", to, c.op === "lt" ? at : after)]]
      return [[limit("max", from, c.op === "lt" ? after : at), to]]
    })
  }
}

const isInequality = (c: Expr): boolean => c.kind === "op" && c.op === "ne"

/** Whether there is a loop in a loop inside: testing a condition then costs nothing beside it, and a copy for each side is much text. */
const isDeep = ({ body }: Tree & { kind: "loop" }): boolean =>
  body.some((t) => t.kind === "loop" && t.body.some((inner) => inner.kind === "loop"))

/** The statement whose copies of definitions conditions in front of several statements read. */
function readerOf(conditions: readonly Expr[], members: readonly Placed[]): Placed | undefined {
  const read = flatMap(conditions, (c) => c.refs)
  return members.find((s) => read.every(({ def }) => s.sources.has(def)))
}

function membersOf(tree: Tree): Placed[] {
  return tree.kind === "statement" ? [tree.statement] : flatMap(tree.body, membersOf)
}
