// One entry point of a shader: what surrounds the statements of a step.
import type { Combination, Guard, Rows } from "../gpu/plan.ts"
import type { Fours } from "../gpu/fours.ts"
import type { Layout } from "../gpu/layout.ts"
import type { EntryPlace } from "../gpu/program.ts"
import type { Buffer, Operand, Stmt } from "../loops.ts"
import type { ScalarType } from "../types.ts"
import { operandsOf } from "../walk.ts"
import { Lines, type Names } from "./text.ts"
import {
  type Memory,
  type Place,
  type WgslValues,
  elementOf,
  identity,
  updated,
  wgslTypes,
} from "./wgsl-values.ts"
import { WorkgroupCode } from "./wgsl-workgroups.ts"

/** The name of an array as vectors of four elements. */
export const vectorsName = (name: string): string => `${name}_fours`

/** An entry point under construction. */
export class EntryCode implements Memory {
  readonly lines = new Lines()
  /** Values from outside the step that have a name by now. */
  readonly known = new Set<number>()
  private readonly layout: Layout
  private readonly names: Names
  private readonly values: WgslValues
  private readonly entry: EntryPlace
  private readonly fours: Fours | undefined
  readonly neighbours: Memory["neighbours"]
  readonly fills: Memory["fills"]
  private readonly used = new Set<number>()
  /** Regions that were touched, with the arrays in them. */
  private readonly touched = new Map<number, Buffer>()

  constructor(layout: Layout, names: Names, values: WgslValues, entry: EntryPlace, fours?: Fours) {
    this.layout = layout
    this.names = names
    this.values = values
    this.entry = entry
    this.fours = fours
    this.neighbours = fours?.together ?? new Map<Stmt, readonly Stmt[]>()
    this.fills = fours?.fills ?? new Set<Stmt>()
  }

  /** Where an array is. */
  readonly place = (buffer: Buffer): Place => {
    const element = elementOf(buffer)
    const given = this.layout.places.get(buffer)
    if (given && "binding" in given) {
      this.used.add(given.binding)
      const name = this.names.buffers.get(buffer)!
      return this.fours?.arrays.has(buffer)
        ? { kind: "vectors", name: vectorsName(name), element }
        : { kind: "variable", name, element }
    }
    const region = given?.region ?? this.scratch(buffer)
    this.touched.set(region, buffer)
    return { kind: "arena", base: `b${region}`, element }
  }

  private scratch(buffer: Buffer): number {
    const { regions } = this.layout.scratch.get(buffer)!
    return regions[this.entry] ?? regions[0]!
  }

  /** Code of a whole workgroup on the lines of this entry. */
  together(): WorkgroupCode {
    const isOwn = (b: Buffer): boolean => this.layout.scratch.get(b)?.inThread === true
    const { workgroupSize, strips } = this.layout
    return new WorkgroupCode(this.lines, this.values, this, isOwn, workgroupSize, strips)
  }

  /** Computes or fetches values from outside the step, those they need first. */
  compute(code: { statement: (s: Stmt) => void }, ids: Iterable<number>): void {
    const { plan } = this.layout
    for (const id of ids) {
      const { kind, name, type } = this.values.value(id)
      if (this.known.has(id) || kind === "size" || kind === "scalar") continue
      this.known.add(id)
      const s = plan.pure.get(id)
      if (s) {
        this.compute(
          code,
          operandsOf(s).flatMap((x) => (x.kind === "value" ? [x.id] : [])),
        )
        code.statement(s)
      } else if (kind !== "index") this.lines.add(`let ${name}: ${wgslTypes[type]} = ${this.keptValue(id)};`)
    }
  }

  /** Accumulators of a thread or a workgroup for those that the rows share. */
  parts({ combined }: Rows): ReadonlyMap<number, string> {
    return new Map(
      [...combined].map(([acc, op]) => {
        const { name, type } = this.values.value(acc)
        this.lines.add(`var part_${name}: ${wgslTypes[type]} = ${identity(op, type)};`)
        return [acc, `part_${name}`]
      }),
    )
  }

  /** The loop over rows: those of this thread or workgroup. */
  rows(step: Rows, from: string, to: string, own: string, stride: string, inside: () => void): void {
    const { name } = this.values.value(step.loop.id)
    this.lines.open(`for (var ${name}: i32 = ${from} + ${own}; ${name} < ${to}; ${name} += ${stride}) {`)
    inside()
    this.lines.close("}")
  }

  /** What stands under conditions. */
  guarded(guards: readonly Guard[], condition: (x: Operand) => string, inside: () => void): void {
    if (guards.length === 0) return inside()
    const texts = guards.map(({ condition: x, holds }) => (holds ? condition(x) : `!(${condition(x)})`))
    this.lines.open(`if (${texts.join(" && ")}) {`)
    inside()
    this.lines.close("}")
  }

  /** Leaves the partial results of this workgroup for the next step. */
  leave(step: Rows, group: string, value: (acc: number, op: Combination) => string): void {
    const region = this.layout.partials.get(step)
    if (region === undefined) return
    const all = [...step.combined].map(([acc, op], k) => {
      const { name, type } = this.values.value(acc)
      this.lines.add(`let all_${name}: ${wgslTypes[type]} = ${value(acc, op)};`)
      return setWord(`u.r${region}`, `(${group} * ${step.combined.size} + ${k})`, `all_${name}`, type)
    })
    this.lines.open("if (lane() == 0) {")
    this.lines.add(...all)
    this.lines.close("}")
  }

  /** Combines what the workgroups of the step before left. */
  combine(rows: Rows, code: WorkgroupCode): void {
    const { plan, partials, workgroupSize } = this.layout
    const { lines, values } = this
    const region = partials.get(rows)
    ;[...rows.combined].forEach(([acc, op], k) => {
      const { name, type } = values.value(acc)
      const part = `part_${name}`
      const at = `(g * ${rows.combined.size} + ${k})`
      lines.add(`var ${part}: ${wgslTypes[type]} = ${identity(op, type)};`)
      lines.open(`for (var g: i32 = lane(); g < u.g${plan.steps.indexOf(rows)}; g += ${workgroupSize}) {`)
      lines.add(updated(part, op, word(`u.r${region!}`, at, type), type))
      lines.close("}")
      lines.add(updated(name, op, code.tree(op, part, acc), type))
    })
  }

  /** What a step left in memory under a number. */
  keptValue(id: number): string {
    return word(`u.r${this.layout.kept}`, String(this.slot(id)), this.values.value(id).type)
  }

  /** Leaves a value in memory for later steps. */
  keep(id: number): string {
    const { type } = this.values.value(id)
    return setWord(`u.r${this.layout.kept}`, String(this.slot(id)), this.values.name(id), type)
  }

  private slot(id: number): number {
    const slot = this.layout.handovers.kept.indexOf(id)
    if (slot < 0) throw new Error(`value ${id} is read by a step that nothing keeps it for`)
    return slot
  }

  /** The bindings of arrays that it uses. */
  bindings(): number[] {
    return [...this.used].sort((x, y) => x - y)
  }

  text(name: string): string {
    const out = new Lines()
    out.add(`@compute @workgroup_size(${this.layout.workgroupSize})`)
    out.open(
      `fn ${name}(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) count: vec3<u32>, @builtin(local_invocation_index) index: u32) {`,
    )
    // The functions that combine values of all threads need more of it.
    out.add(
      this.lines.list.some((line) => /\btree_\w+\(/.test(line)) ? "begin(index);" : "lane_index = index;",
    )
    out.add("let group = id.x;", "let groups = count.x;")
    for (const [region, buffer] of [...this.touched].sort(([x], [y]) => x - y)) {
      const { kind } = this.layout.regions[region]!.copies
      const owner = kind === "threads" ? `(i32(group) * ${this.layout.workgroupSize} + lane())` : "i32(group)"
      const length = this.values.operand(buffer.length, "int")
      out.add(`let b${region} = u.r${region}${kind === "once" ? "" : ` + ${owner} * ${length}`};`)
    }
    out.add(...this.lines.list)
    out.close("}")
    return out.toString()
  }
}

/** A word of the arena as a value. */
function word(base: string, at: string, type: ScalarType): string {
  const text = `arena[${base} + ${at}]`
  return type === "bool" ? `(${text} != 0u)` : `bitcast<${wgslTypes[type]}>(${text})`
}

/** Sets a word of the arena. */
export function setWord(base: string, at: string, value: string, type: ScalarType): string {
  const bits = type === "bool" ? `select(0u, 1u, ${value})` : `bitcast<u32>(${value})`
  return `arena[${base} + ${at}] = ${bits};`
}
