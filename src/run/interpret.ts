// Turns core expressions and the arrays they load into values, straight from the definition of the core and without
// generating code. It knows nothing of schedules, and numbers may be anything with arithmetic: doubles, complex, decimals.
import { reach } from "../graph.ts"
import type { AxisExpr, Def, Expr, Recurrence } from "../ir.ts"
import type { Outputs } from "../loss.ts"
import type { OpName } from "../ops.ts"
import type { Input } from "../types.ts"
import {
  type Cell,
  type Frame,
  type Thunk,
  apart,
  cellOf,
  indices,
  once,
  oncePerTurn,
  walk,
} from "./frames.ts"

const { floor } = Math

/** The reductions that combine the values of a body; `argmax`, `argmin`, `argsort` and `let` need no arithmetic. */
export type FoldName = "sum" | "prod" | "max" | "min" | "logsumexp"

/** Arithmetic over one kind of number. Conditions are 0 and 1, and indices are whole, whatever the kind. */
export interface Numbers<V> {
  readonly of: (value: number) => V
  /** The ordinary number that decides conditions, comparisons and indices. */
  readonly real: (value: V) => number
  /** An operator of the table with all its operands; the lazy ones never come here. */
  readonly apply: (op: OpName, args: readonly V[]) => V
  /** A reduction of at least one value. */
  readonly fold: Readonly<Record<FoldName, (values: readonly V[]) => V>>
  /** The places of values in ascending order, equal ones as they stand, NaN last. */
  readonly sort: (values: readonly V[]) => readonly number[]
}

/** What expressions read. */
export interface Environment<V> {
  /** The extents by name. */
  readonly sizes: ReadonlyMap<string, number>
  /** The elements of an input in row-major order; a scalar has one. */
  readonly elements: (input: Input) => ArrayLike<V>
}

/** Reads expressions in one environment. Values of definitions are kept, so one evaluator serves one call. */
export interface Evaluator<V> {
  /** The value of an expression without axes. */
  scalar(expr: Expr): V
  /** The values over some axes in row-major order; the expression may lack some of them. Other axes are at fixed places. */
  array(expr: Expr, axes: readonly AxisExpr[], fixed?: ReadonlyMap<AxisExpr, number>): V[]
  /** The value of an int expression without axes. */
  size(expr: Expr): number
}

/** The values of all outputs. */
export interface Values<V> {
  readonly scalars: ReadonlyMap<string, V>
  /** In the order of the outputs. */
  readonly arrays: readonly (readonly V[])[]
}

/** Computes what a kernel computes, by the meaning of the core. */
export function interpret<V>(numbers: Numbers<V>, outputs: Outputs, environment: Environment<V>): Values<V> {
  const { scalar, array } = evaluator(numbers, environment)
  return {
    scalars: new Map(outputs.scalars.map(({ name, value }) => [name, scalar(value)])),
    arrays: outputs.arrays.map(({ axes, value }) => array(value, axes)),
  }
}

/** What a reduction of nothing is. */
const empty: Readonly<Record<FoldName, number>> = {
  sum: 0,
  prod: 1,
  max: -Infinity,
  min: Infinity,
  logsumexp: -Infinity,
}

/** Makes an evaluator; see `Evaluator`. Throws a plain Error if an expression reads outside an array: a bug of the compiler. */
export function evaluator<V>(numbers: Numbers<V>, environment: Environment<V>): Evaluator<V> {
  const { of, real, apply } = numbers
  const zero = of(0)
  const yes = of(1)
  const truth = (value: V): boolean => real(value) !== 0
  const tables = new Map<Def, (index: readonly number[]) => V>()
  const extents = new Map<Expr, number>()
  const strides = new Map<Input, readonly number[]>()

  /** An index of an axis of loads and definitions, which must be one. */
  const checked = (what: string, at: number, extent: number): number => {
    if (!(at >= 0 && at < extent) || at !== floor(at))
      throw new Error(`${what} is read at index ${at} of an axis of ${extent}`)
    return at
  }

  /** The flat place of an index in row-major order. */
  const place = (what: string, shape: readonly number[], index: readonly number[]): number => {
    let flat = 0
    for (let i = 0; i < shape.length; i++) flat = flat * shape[i]! + checked(what, index[i]!, shape[i]!)
    return flat
  }

  const build = (root: Expr, frame: Frame): Thunk<V> => {
    const parents = countParents(root)
    const thunks = new Map<Expr, Thunk<V>>()
    const make = (e: Expr): Thunk<V> => {
      const known = thunks.get(e)
      if (known) return known
      let thunk = plain(e)
      if (e.axes.length === 0) thunk = once(thunk)
      else if (e.kind === "op" && parents.get(e)! > 1) thunk = oncePerTurn(thunk, frame)
      thunks.set(e, thunk)
      return thunk
    }
    const plain = (e: Expr): Thunk<V> => {
      switch (e.kind) {
        case "const": {
          const value = of(e.value)
          return () => value
        }
        case "size": {
          const value = of(sizeNamed(e.name))
          return () => value
        }
        case "axis": {
          const cell = frame.cells.get(e)
          if (!cell) throw new Error(`axis ${e.name} is not bound`)
          return () => of(cell.at)
        }
        case "load": {
          const elements = environment.elements(e.input)
          const shape = shapeOf(e.input)
          const index = e.index.map(make)
          const name = `input ${e.input.name}`
          // As `place`, without an array of the index: most of the time goes into loads.
          return () => {
            let flat = 0
            for (let i = 0; i < shape.length; i++)
              flat = flat * shape[i]! + checked(name, real(index[i]!()), shape[i]!)
            return elements[flat]!
          }
        }
        case "ref": {
          const table = tableOf(e.def)
          const index = e.index.map(make)
          return () => table(index.map((i) => real(i())))
        }
        case "op":
          return operator(e.op, e.args.map(make))
      }
    }
    return make(root)
  }

  const operator = (op: OpName, args: readonly Thunk<V>[]): Thunk<V> => {
    const [x, y, z] = args as [Thunk<V>, Thunk<V>, Thunk<V>]
    switch (op) {
      case "select":
        return () => (truth(x()) ? y() : z())
      case "guard":
        return () => (truth(x()) ? y() : zero)
      case "and":
        return () => (truth(x()) && truth(y()) ? yes : zero)
      case "or":
        return () => (truth(x()) || truth(y()) ? yes : zero)
    }
    switch (args.length) {
      case 1:
        return () => apply(op, [x()])
      case 2:
        return () => apply(op, [x(), y()])
      default:
        return () =>
          apply(
            op,
            args.map((arg) => arg()),
          )
    }
  }

  const sizeNamed = (name: string): number => {
    const size = environment.sizes.get(name)
    if (size === undefined) throw new Error(`size ${name} is not known`)
    return size
  }

  const size = (e: Expr): number => {
    if (e.kind === "const") return e.value
    if (e.kind === "size") return sizeNamed(e.name)
    let known = extents.get(e)
    if (known === undefined) extents.set(e, (known = real(scalar(e))))
    return known
  }

  const shapeOf = (input: Input): readonly number[] => {
    let shape = strides.get(input)
    if (!shape) strides.set(input, (shape = input.dimensions.map((d) => size(d.extent))))
    return shape
  }

  const tableOf = (def: Def): ((index: readonly number[]) => V) => {
    let table = tables.get(def)
    if (!table) tables.set(def, (table = makeTable(def)))
    return table
  }

  const makeTable = (def: Def): ((index: readonly number[]) => V) => {
    if (def.op === "argsort") return makeOrder(def)
    const frame: Frame = { turn: 0, cells: new Map() }
    const formals = def.formals.map((axis) => cellOf(frame, axis))
    const bound = def.bound.map((axis) => cellOf(frame, axis))
    const shape = def.formals.map((axis) => size(axis.extent))
    const ranges = def.bound.map((axis) => size(axis.extent))
    const filter =
      def.filter.kind === "const" && def.filter.value === 1 ? undefined : build(def.filter, frame)
    const body = build(def.body, frame)
    const known = new Map<number, V>()
    const name = `definition ${def.id}`
    const before = def.op === "state" ? stepBefore(def) : undefined
    const past = def.op === "step" ? pastOf(def.recurrence!) : undefined
    const recurs = [...reach(def)].some((d) => d.recurrence)
    return (index) => {
      const flat = place(name, shape, index)
      let value = known.get(flat) ?? before?.(index)
      if (value === undefined) {
        past?.(index[0]!)
        const compute = (): V => {
          formals.forEach((cell, i) => (cell.at = index[i]!))
          return reduce(def, frame, bound, ranges, filter, body)
        }
        value = recurs ? apart(frame, compute) : compute()
        known.set(flat, value)
      }
      return value
    }
  }

  /** Sorts a row when one of its places is read first. */
  const makeOrder = (def: Def): ((index: readonly number[]) => V) => {
    const frame: Frame = { turn: 0, cells: new Map() }
    const formals = def.formals.slice(0, -1).map((axis) => cellOf(frame, axis))
    const bound = def.bound.map((axis) => cellOf(frame, axis))
    const shape = def.formals.map((axis) => size(axis.extent))
    const length = shape.at(-1)!
    const body = build(def.body, frame)
    const rows = new Map<number, readonly number[]>()
    const name = `definition ${def.id}`
    return (index) => {
      const flat = place(name, shape, index)
      const row = floor(flat / length)
      let order = rows.get(row)
      if (!order) {
        const keys: V[] = []
        apart(frame, () => {
          formals.forEach((cell, i) => (cell.at = index[i]!))
          walk(frame, bound, [length], () => keys.push(body()))
        })
        rows.set(row, (order = numbers.sort(keys)))
      }
      return of(order[flat - row * length]!)
    }
  }

  /** What the step before an index gave; undefined at the first one, where a state has its initial value. */
  const stepBefore = (state: Def): ((index: readonly number[]) => V | undefined) => {
    const { descending, states, steps } = state.recurrence!
    const first = descending ? size(state.formals[0]!.extent) - 1 : 0
    const step = steps[states.indexOf(state)]!
    return ([at, ...rest]) =>
      at === first ? undefined : tableOf(step)([at! + (descending ? 1 : -1), ...rest])
  }

  /** Computes the steps before an index one after another, for a call from each to the one before would run out of stack. */
  const pastOf = ({ descending, steps }: Recurrence): ((at: number) => void) => {
    let done = 0
    return (at) => {
      const length = size(steps[0]!.formals[0]!.extent)
      const number = descending ? length - 1 - at : at
      while (done < number) {
        const now = descending ? length - 1 - done : done
        done++
        for (const step of steps)
          for (const rest of indices(step.formals.slice(1).map((axis) => size(axis.extent))))
            // A row that is left out may not be readable; who does read it is told.
            try {
              tableOf(step)([now, ...rest])
            } catch {}
      }
    }
  }

  const reduce = (
    { op }: Def,
    frame: Frame,
    bound: readonly Cell[],
    ranges: readonly number[],
    filter: Thunk<V> | undefined,
    body: Thunk<V>,
  ): V => {
    const values: V[] = []
    let best = NaN
    let where = -1
    walk(frame, bound, ranges, () => {
      if (filter && !truth(filter())) return
      const value = body()
      if (op === "argmax" || op === "argmin") {
        const candidate = real(value)
        if (where < 0 || (op === "argmax" ? candidate > best : candidate < best)) {
          best = candidate
          where = bound[0]!.at
        }
      } else values.push(value)
    })
    if (op === "argmax" || op === "argmin") return of(where)
    if (op === "let" || op === "state" || op === "step") return values[0]!
    if (op === "argsort") throw new Error("a row is sorted whole")
    return values.length === 0 ? of(empty[op]) : numbers.fold[op](values)
  }

  const scalar = (e: Expr): V => {
    if (e.axes.length > 0)
      throw new Error(`an expression over ${e.axes.map((a) => a.name).join(", ")} is no scalar`)
    return build(e, { turn: 0, cells: new Map() })()
  }

  const array = (e: Expr, axes: readonly AxisExpr[], fixed?: ReadonlyMap<AxisExpr, number>): V[] => {
    const frame: Frame = { turn: 0, cells: new Map() }
    for (const [axis, at] of fixed ?? []) cellOf(frame, axis).at = at
    const cells = axes.map((axis) => cellOf(frame, axis))
    const value = build(e, frame)
    const out: V[] = []
    walk(
      frame,
      cells,
      axes.map((axis) => size(axis.extent)),
      () => out.push(value()),
    )
    return out
  }

  return { scalar, array, size }
}

function countParents(root: Expr): Map<Expr, number> {
  const parents = new Map<Expr, number>([[root, 1]])
  const visit = (e: Expr): void => {
    const inside = e.kind === "op" ? e.args : e.kind === "load" || e.kind === "ref" ? e.index : []
    for (const child of inside) {
      const seen = parents.get(child)
      parents.set(child, (seen ?? 0) + 1)
      if (seen === undefined) visit(child)
    }
  }
  visit(root)
  return parents
}
