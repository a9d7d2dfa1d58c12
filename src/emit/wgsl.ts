// A plan -> the text of a shader module: an entry point for each way to run each step.
import { type Between, type Combination, type Rows, freeIn } from "../gpu/plan.ts"
import type { Layout } from "../gpu/layout.ts"
import type { Entry, Field } from "../gpu/program.ts"
import { stripWords } from "../gpu/strips.ts"
import type { Tile } from "../gpu/tile.ts"
import type { ScalarType } from "../types.ts"
import { Lines, type Names } from "./text.ts"
import { EntryCode, setWord } from "./wgsl-entry.ts"
import { helpers, isHelper } from "./wgsl-helpers.ts"
import { wgslFunctions } from "./wgsl-math.ts"
import { ThreadCode } from "./wgsl-threads.ts"
import { WgslValues, elementOf, wgslTypes } from "./wgsl-values.ts"

/** The shader of a plan. */
export class Shader {
  /** Types of the scalar results, by name. */
  readonly resultTypes = new Map<string, ScalarType>()
  private readonly layout: Layout
  private readonly names: Names
  private readonly values: WgslValues
  private readonly entries: string[] = []

  constructor(layout: Layout, names: Names) {
    this.layout = layout
    this.names = names
    this.values = new WgslValues(names)
  }

  /** A thread for each row. */
  threads(step: Rows, dispatch: number): Entry {
    const { values } = this
    const entry = new EntryCode(this.layout, this.names, values, 0)
    const code = new ThreadCode(entry.lines, values, entry.place)
    entry.compute(code, this.layout.handovers.steps[dispatch]!.reads)
    const parts = entry.parts(step)
    values.rename(parts, () =>
      entry.guarded(
        step.guards,
        (x) => values.operand(x, "bool"),
        () => {
          const { workgroupSize } = this.layout
          entry.rows(
            step,
            code.int(step.loop.from),
            code.int(step.loop.to),
            `i32(group) * ${workgroupSize} + lane()`,
            `i32(groups) * ${workgroupSize}`,
            () => code.block(step.loop.body),
          )
        },
      ),
    )
    entry.leave(step, (acc, op) => tree(values, acc, op, parts.get(acc)!))
    return this.add(entry, `step${dispatch}_threads`, "thread")
  }

  /** A workgroup for each row, or for each tile of rows. */
  workgroups(step: Rows, dispatch: number, tile?: Tile): Entry {
    const { values } = this
    const { loop } = tile ?? step
    const count = tile?.rows ?? 1
    const entry = new EntryCode(this.layout, this.names, values, tile ? 2 : 1)
    const code = entry.together()
    entry.compute(code, this.layout.handovers.steps[dispatch]!.reads)
    const parts = entry.parts(step)
    code.know([loop.id])
    const [from, to] = [code.same(loop.from, "int"), code.same(loop.to, "int")]
    values.rename(parts, () =>
      entry.guarded(
        step.guards,
        (x) => code.same(x, "bool"),
        () =>
          entry.rows(step, from, to, times("i32(group)", count), times("i32(groups)", count), () => {
            code.block(loop.body)
            code.finish(loop.body)
          }),
      ),
    )
    entry.leave(step, (acc) => parts.get(acc)!)
    const name = `step${dispatch}_${tile ? "tiles" : "workgroups"}`
    return { ...this.add(entry, name, "workgroup"), ...(tile && { tile: count }) }
  }

  /** What one workgroup does between loops over rows. */
  between(step: Between, dispatch: number): Entry {
    const { plan, handovers, kernel, results } = this.layout
    const { values } = this
    const { changes } = handovers.steps[dispatch]!
    const entry = new EntryCode(this.layout, this.names, values, 0)
    const { lines } = entry
    const code = entry.together()
    for (const acc of changes) {
      const { name, type } = values.value(acc)
      const { initial } = plan.accs.get(acc)!
      const isFirst = handovers.steps.findIndex((x) => x.changes.has(acc)) === dispatch
      if (isFirst && initial.kind === "value") entry.compute(code, [initial.id])
      const start = isFirst ? values.operand(initial, type) : entry.keptValue(acc)
      lines.add(`var ${name}: ${wgslTypes[type]} = ${start};`)
      entry.known.add(acc)
    }
    if (step.rows) entry.combine(step.rows, code)
    for (const { guards, body } of step.segments) {
      entry.compute(code, freeIn(body, guards))
      entry.guarded(
        guards,
        (x) => code.same(x, "bool"),
        () => {
          code.block(body.filter((s) => s.kind !== "result"))
          const left = body.flatMap((s): string[] => {
            if (s.kind === "load" && handovers.kept.includes(s.id)) return [entry.keep(s.id)]
            if (s.kind !== "result") return []
            const type = values.typeOf(s.value)
            this.resultTypes.set(s.name, type)
            const at = String(kernel.results.indexOf(s.name))
            return [setWord(`u.r${results}`, at, values.operand(s.value, type), type)]
          })
          if (left.length > 0) code.first(() => lines.add(...left))
        },
      )
    }
    const left = [...changes].filter((acc) => handovers.kept.includes(acc))
    if (left.length > 0) code.first(() => lines.add(...left.map((acc) => entry.keep(acc))))
    return this.add(entry, `step${dispatch}`, "workgroup")
  }

  private add(entry: EntryCode, name: string, rowPer: Entry["rowPer"]): Entry {
    this.entries.push(entry.text(name))
    return { name, rowPer, bindings: entry.bindings() }
  }

  /** The words of the uniform buffer. */
  fields(): Field[] {
    const { kernel, plan, partials } = this.layout
    return [
      ...kernel.sizes.map((_, formula): Field => ({ kind: "formula", formula })),
      ...kernel.scalars.map((_, scalar): Field => ({ kind: "scalar", scalar })),
      ...this.layout.regions.map((_, region): Field => ({ kind: "offset", region })),
      ...[...partials.keys()].map((rows): Field => ({
        kind: "workgroups",
        dispatch: plan.steps.indexOf(rows),
      })),
      { kind: "infinity" },
    ]
  }

  /** The whole module. */
  text(): string {
    const { kernel, places, strips, workgroupSize } = this.layout
    const lines = new Lines()
    lines.open("struct Uniform {")
    for (const field of this.fields()) lines.add(`${this.fieldName(field)}: ${this.fieldType(field)},`)
    lines.close("}")
    lines.add(
      "@group(0) @binding(0) var<uniform> u: Uniform;",
      "@group(0) @binding(1) var<storage, read_write> arena: array<u32>;",
    )
    for (const buffer of [...kernel.inputs, ...kernel.outputs]) {
      const place = places.get(buffer)!
      if (!("binding" in place)) continue
      const access = buffer.kind === "input" ? "read" : "read_write"
      const name = this.names.buffers.get(buffer)!
      lines.add(
        `@group(0) @binding(${place.binding}) var<storage, ${access}> ${name}: array<${elementOf(buffer)}>;`,
      )
    }
    const uses = [...this.values.uses]
    return [
      lines.toString(),
      helpers(uses, workgroupSize, stripWords(strips, workgroupSize)),
      wgslFunctions(uses.filter((name) => !isHelper(name))),
      ...this.entries,
      "",
    ]
      .filter((part, i, all) => part !== "" || i === all.length - 1)
      .join("\n")
  }

  private fieldName(field: Field): string {
    const { kernel } = this.layout
    switch (field.kind) {
      case "formula":
        return this.names.values.get(kernel.sizes[field.formula]!.id)!.name
      case "scalar":
        return `p${field.scalar}`
      case "offset":
        return `r${field.region}`
      case "workgroups":
        return `g${field.dispatch}`
      case "infinity":
        return "infinity"
    }
  }

  private fieldType(field: Field): string {
    const isReal =
      field.kind === "infinity" ||
      (field.kind === "scalar" && this.layout.kernel.scalars[field.scalar]!.input.type === "real")
    return isReal ? "f32" : "i32"
  }
}

const times = (text: string, count: number): string => (count === 1 ? text : `${text} * ${count}`)

/** Combines the values of the threads of a workgroup. */
function tree(values: WgslValues, acc: number, op: Combination, part: string): string {
  const f = `tree_${op}_${wgslTypes[values.value(acc).type]}`
  values.uses.add(f)
  return `${f}(${part})`
}
