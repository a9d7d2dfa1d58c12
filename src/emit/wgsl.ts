// A plan -> the text of a shader module: an entry point for each way to run each step.
import { type Between, type Combination, type Rows, freeIn } from "../gpu/plan.ts"
import type { Fours } from "../gpu/fours.ts"
import type { Layout } from "../gpu/layout.ts"
import type { Entry, Field, GpuProgram } from "../gpu/program.ts"
import { stripWords } from "../gpu/strips.ts"
import type { Tile } from "../gpu/tile.ts"
import type { Buffer } from "../loops.ts"
import type { ScalarType } from "../types.ts"
import type { Loop } from "../unroll/facts.ts"
import { Lines, type Names } from "./text.ts"
import { EntryCode, setWord, vectorsName } from "./wgsl-entry.ts"
import { helpers, isHelper, isTree, trees } from "./wgsl-helpers.ts"
import { subgroupTrees } from "./wgsl-subgroups.ts"
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
  /** Arrays that some entry point takes as vectors. */
  private readonly vectors: ReadonlySet<Buffer>
  /** Dispatches whose last rows may be left to threads that take one each. */
  private readonly rests: readonly number[]

  constructor(layout: Layout, names: Names, fours: ReadonlyMap<Rows, Fours>) {
    this.layout = layout
    this.rests = [...fours].flatMap(([step, x]) => (x.leavesRest ? [layout.plan.steps.indexOf(step)] : []))
    this.vectors = new Set([...fours.values()].flatMap(({ arrays }) => [...arrays]))
    this.names = names
    this.values = new WgslValues(names)
  }

  /** A thread for each row, or for four of them. */
  threads(step: Rows, dispatch: number, fours?: Fours): Entry {
    const { values } = this
    const { loop } = fours ?? step
    const count = fours ? 4 : 1
    const isRest = !fours && this.rests.includes(dispatch)
    const entry = new EntryCode(this.layout, this.names, values, fours ? 3 : 0, fours)
    const code = new ThreadCode(entry.lines, values, entry)
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
            isRest ? `u.f${dispatch}` : code.int(step.loop.from),
            fours?.leavesRest ? `(${code.int(step.loop.to)} & -4)` : code.int(step.loop.to),
            fours
              ? `(i32(group) * ${workgroupSize} + lane()) * ${count}`
              : `i32(group) * ${workgroupSize} + lane()`,
            `i32(groups) * ${workgroupSize * count}`,
            () => code.block(loop.body),
          )
        },
      ),
    )
    const group = isRest ? `(i32(group) + u.h${dispatch})` : "i32(group)"
    entry.leave(step, group, (acc, op) => tree(values, acc, op, parts.get(acc)!))
    return this.add(entry, `step${dispatch}_${fours ? "fours" : "threads"}`, "thread", count)
  }

  /** A workgroup for each row. */
  workgroups(step: Rows, dispatch: number): Entry {
    const entry = new EntryCode(this.layout, this.names, this.values, 1)
    return this.workgroup(step, dispatch, step.loop, 1, entry, "workgroups")
  }

  /** A workgroup for each tile of rows. */
  tiles(step: Rows, dispatch: number, { loop, rows }: Tile): Entry {
    const entry = new EntryCode(this.layout, this.names, this.values, 2)
    return this.workgroup(step, dispatch, loop, rows, entry, "tiles")
  }

  /** What loads and stores four elements at a time: a thread for four rows, or a workgroup for a row. */
  fours(step: Rows, dispatch: number, fours: Fours): Entry {
    if (fours.isFlat) return this.threads(step, dispatch, fours)
    const entry = new EntryCode(this.layout, this.names, this.values, 3, fours)
    return this.workgroup(step, dispatch, fours.loop, 1, entry, "fours")
  }

  /** A workgroup for as many rows at a time as `count`. */
  private workgroup(
    step: Rows,
    dispatch: number,
    loop: Loop,
    count: number,
    entry: EntryCode,
    name: string,
  ): Entry {
    const { values } = this
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
    entry.leave(step, "i32(group)", (acc) => parts.get(acc)!)
    return this.add(entry, `step${dispatch}_${name}`, "workgroup", count)
  }

  /** What one workgroup does between loops over rows. */
  between(step: Between, dispatch: number): Entry {
    const { plan, handovers, kernel, results } = this.layout
    const { values } = this
    const { changes } = handovers.steps[dispatch]!
    const entry = new EntryCode(this.layout, this.names, values, 0)
    const { lines } = entry
    const code = entry.together()
    const isFirst = (acc: number): boolean =>
      handovers.steps.findIndex((x) => x.changes.has(acc)) === dispatch
    for (const acc of changes) {
      const { name, type } = values.value(acc)
      const { initial } = plan.accs.get(acc)!
      if (isFirst(acc) && initial.kind === "value") entry.compute(code, [initial.id])
      const start = isFirst(acc) ? values.operand(initial, type) : entry.keptValue(acc)
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
            // What counts rows may be an int; a loss, or a gradient, that happens to be a number of rows is not.
            const isCount = s.name === "count" || s.name === "per" || s.name.startsWith("label:")
            const type = isCount ? values.typeOf(s.value) : "real"
            this.resultTypes.set(s.name, type)
            const at = String(kernel.results.indexOf(s.name))
            return [setWord(`u.r${results}`, at, values.operand(s.value, type), type)]
          })
          if (left.length > 0) code.first(() => lines.add(...left))
        },
      )
    }
    const left = [...changes].filter((acc) => handovers.kept.includes(acc))
    // All have read what an earlier step left before it is replaced.
    if (!left.every(isFirst)) lines.add("storageBarrier();")
    if (left.length > 0) code.first(() => lines.add(...left.map((acc) => entry.keep(acc))))
    return this.add(entry, `step${dispatch}`, "workgroup")
  }

  private add(entry: EntryCode, name: string, rowPer: Entry["rowPer"], tile = 1): Entry {
    this.entries.push(entry.text(name))
    return { name, rowPer, ...(tile > 1 && { tile }), bindings: entry.bindings() }
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
      ...this.rests.flatMap((dispatch): Field[] => [
        { kind: "first", dispatch },
        { kind: "before", dispatch },
      ]),
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
      const declared = (name: string, element: string): string =>
        `@group(0) @binding(${place.binding}) var<storage, ${access}> ${name}: array<${element}>;`
      lines.add(declared(name, elementOf(buffer)))
      if (this.vectors.has(buffer)) lines.add(declared(vectorsName(name), `vec4<${elementOf(buffer)}>`))
    }
    const uses = [...this.values.uses]
    return [
      lines.toString(),
      helpers(uses, workgroupSize, stripWords(strips, workgroupSize)),
      trees(uses, workgroupSize),
      wgslFunctions(uses.filter((name) => !isHelper(name))),
      ...this.entries,
      "",
    ]
      .filter((part, i, all) => part !== "" || i === all.length - 1)
      .join("\n")
  }

  /** Functions in the text of the module, and what stands there on a device with subgroups. */
  subgroups(): GpuProgram["subgroups"] {
    const uses = [...this.values.uses]
    const { workgroupSize } = this.layout
    if (!uses.some(isTree)) return undefined
    return { instead: trees(uses, workgroupSize), text: subgroupTrees(uses, workgroupSize) }
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
      case "first":
        return `f${field.dispatch}`
      case "before":
        return `h${field.dispatch}`
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
