// Arguments of a loss -> what a module says of them: literals and functions of a call, as text.
//
// Sizes are numbered as they are first mentioned.
import { postorder } from "../graph.ts"
import { type Core, type Expr, conjuncts } from "../ir.ts"
import type { LabelRead } from "../loss.ts"
import type { Domain, Input } from "../types.ts"
import { type Leaves, inline, numberText } from "./inline.ts"
import { list, quoted } from "./module-literals.ts"
import type { ModuleParts } from "./module-parts.ts"

/** Whether a condition reads no array but one, at its own place. */
const readsOnly = (e: Expr, input: Input): boolean =>
  postorder([e]).every(
    (x) =>
      x.kind !== "ref" &&
      (x.kind !== "load" ||
        (x.input === input && x.index.every((i) => i.kind === "axis")) ||
        x.index.length === 0),
  )

/** The arguments of one module. */
export class ModuleInputs {
  /** Those that calls bring. */
  readonly list: readonly Input[]
  /** The sizes that anything mentions, by number. */
  readonly sizeNames: string[] = []
  private readonly core: Core
  private readonly statics: ModuleParts["statics"]

  constructor({ loss, statics }: ModuleParts) {
    this.list = loss.inputs.filter((input) => !input.isStatic)
    this.core = loss.core
    this.statics = statics
  }

  /** The number of a size. */
  size(name: string): number {
    const known = this.sizeNames.indexOf(name)
    return known >= 0 ? known : this.sizeNames.push(name) - 1
  }

  private readonly leaves: Leaves = {
    size: (name) => `size(call, ${this.size(name)})`,
    scalar: (input) => {
      const fixed = this.statics.get(input)
      if (fixed !== undefined) return input.type === "bool" ? String(fixed !== 0) : numberText(fixed)
      const value = `call.scalars[${this.list.indexOf(input)}]`
      return input.type === "bool" ? `(${value} !== 0)` : value
    },
  }

  /** A function of a call. */
  function(expr: Expr): string | undefined {
    const text = inline(expr, this.leaves)
    return text === undefined ? undefined : `(call) => ${text}`
  }

  /** An extent: the number of a size, or a function. */
  extent(expr: Expr): string {
    return expr.kind === "size" ? String(this.size(expr.name)) : this.function(expr)!
  }

  /** What a module knows of an argument. */
  input(input: Input): string {
    const { name, type, role, dimensions, label, domain, domainUsed } = input
    const fields = [
      `name: ${quoted(name)}`,
      `type: ${quoted(type)}`,
      `sample: ${role === "sample"}`,
      `optional: ${input.default !== undefined}`,
      `axes: ${list(dimensions.map((d) => quoted(d.name)))}`,
      `extents: ${list(dimensions.map((d) => this.extent(d.extent)))}`,
    ]
    if (label)
      fields.push(
        `label: { axis: ${quoted(label.axis)}, optional: ${label.optional}, below: ${this.function(label.extent)} }`,
      )
    if (domain) fields.push(`domain: ${this.domain(domain, dimensions.length > 0 && domainUsed === true)}`)
    const initial = this.initial(input)
    if (initial !== undefined) fields.push(`initial: ${initial}`)
    return `{ ${fields.join(", ")} }`
  }

  private domain({ low, high, not }: Domain, data: boolean): string {
    const fields = [
      `data: ${data}`,
      `lowStrict: ${low?.strict === true}`,
      `highStrict: ${high?.strict === true}`,
    ]
    if (low) fields.push(`low: ${this.function(low.value)}`)
    if (high) fields.push(`high: ${this.function(high.value)}`)
    if (not) fields.push(`not: ${this.function(not)}`)
    return `{ ${fields.join(", ")} }`
  }

  /** The default as a function of a call, of the indices of an element and of its place. */
  private initial(input: Input): string | undefined {
    if (!input.default) return undefined
    if ("vector" in input.default) {
      const values = list(input.default.vector.map(numberText))
      return `(call, at, i) => ${values}[i]`
    }
    const axes = input.dimensions.map((d) => this.core.axis(d.name, d.extent))
    const text = inline(input.default.expr, { ...this.leaves, axis: (axis) => `at[${axes.indexOf(axis)}]` })
    return text === undefined ? undefined : `(call, at) => ${text}`
  }

  /** Whether anything reads a label, as a function of a call and of the indices of the label. */
  labelRead({ input, condition, extent }: LabelRead): string {
    const own = input.dimensions.map((d) => this.core.axis(d.name, d.extent))
    const others = condition.axes.filter((axis) => !own.includes(axis))
    const write = (part: Expr): string | undefined =>
      inline(part, {
        ...this.leaves,
        axis: (axis) => (own.includes(axis) ? `at[${own.indexOf(axis)}]` : `other${others.indexOf(axis)}`),
        element: (array, index) => {
          // An array that may be left out is not there yet.
          if (array.default || !this.list.includes(array)) return undefined
          const extents = array.dimensions.map((d) => `extent(call, ${this.extent(d.extent)})`)
          const place = index.reduce(
            (at, one, k) => (k === 0 ? one : `(${at}) * ${extents[k]} + ${one}`),
            "0",
          )
          return `call.arrays[${this.list.indexOf(array)}][${place}]`
        },
      })
    // Where only a kernel could tell, labels must be in range that perhaps nothing reads. What stands behind such a condition
    // may be readable only where it holds.
    const parts: string[] = []
    let isWhole = true
    for (const part of conjuncts(condition)) {
      const text = isWhole || readsOnly(part, input) ? write(part) : undefined
      if (text === undefined) isWhole = false
      else parts.push(text)
    }
    const text = parts.join(" && ") || "true"
    let reads = `return ${text}`
    if (others.length > 0) {
      const loops = others.map(
        (axis, k) =>
          `for (let other${k} = 0; other${k} < extent(call, ${this.extent(axis.extent)}); other${k}++) `,
      )
      reads = `${loops.join("")}if (${text}) return true; return false`
    }
    return `{ input: ${this.list.indexOf(input)}, below: ${this.function(extent)}, reads: (call, at) => { ${reads} } }`
  }

  /** A scalar input of a kernel in a call. */
  number(input: Input): string {
    const at = this.list.indexOf(input)
    return at >= 0 ? `call.scalars[${at}]` : numberText(this.statics.get(input) ?? NaN)
  }
}
