// A loop dealt out to threads that share strips of workgroup memory -> WGSL.
//
// All threads go through it in step, because all of them bring strips and wait for one another, also those whose iteration is not
// there and those for which a condition does not hold. Everything else is under the condition of its thread.
import type { Operand, Stmt } from "../loops.ts"
import { type Strip, pitchOf, stripsIn, wordsOf } from "../gpu/strips.ts"
import { type Loop, definedIn, readIn, updatedIn } from "../unroll/facts.ts"
import { ThreadCode } from "./wgsl-threads.ts"
import { wgslTypes } from "./wgsl-values.ts"

/** Bounds of a loop as text, the same in all threads as the compiler of the shader can see. */
export type Bounds = readonly [from: string, to: string]

/** Statements of a thread in step with the others. */
export class StripCode extends ThreadCode {
  private readonly across: Loop
  private readonly strips: ReadonlyMap<Loop, Strip>
  private readonly bounds: ReadonlyMap<Loop, Bounds>
  private readonly size: number
  /** Values that are declared before they get their value, in a block inside. */
  private readonly declared = new Set<number>()
  /** Values that a thread may compute without its condition. */
  private readonly free: Set<number>
  private readonly inside: ReadonlySet<number>
  /** What stands for loads from strips. */
  private readonly brought = new Map<number, string>()
  private first = ""
  private condition = ""

  constructor(
    { lines, values, memory, names }: ThreadCode,
    across: Loop,
    strips: ReadonlyMap<Loop, Strip>,
    bounds: ReadonlyMap<Loop, Bounds>,
    size: number,
  ) {
    super(lines, values, memory, names)
    this.across = across
    this.strips = strips
    this.bounds = bounds
    this.size = size
    this.free = new Set([across.id])
    this.inside = new Set([...definedIn([across]), ...updatedIn(across.body).keys()])
  }

  /** The whole loop. */
  all(): void {
    const { lines, across, size } = this
    const [from, to] = this.bounds.get(across)!
    this.first = this.fresh("first")
    const here = this.fresh("here")
    lines.open(`for (var ${this.first}: i32 = ${from}; ${this.first} < ${to}; ${this.first} += ${size}) {`)
    this.define(across.id, `${this.first} + lane()`)
    lines.add(`let ${here} = ${this.values.name(across.id)} < ${to};`)
    this.inStep(across.body, here)
    lines.close("}")
  }

  /** Statements, for the threads for which a condition holds. */
  private inStep(body: readonly Stmt[], condition: string): void {
    const { lines, values } = this
    let run: Stmt[] = []
    body.forEach((s, i) => {
      if (stripsIn([s], this.strips).length === 0) return void run.push(s)
      this.run(run, body.slice(i), condition)
      run = []
      if (s.kind !== "if") {
        this.condition = condition
        return this.statement(s)
      }
      const [yes, no] = [this.fresh("if"), this.fresh("if")]
      const holds = values.operand(s.condition, "bool")
      // A condition that is an accumulator may change in its branch.
      lines.add(`let ${yes} = ${condition} && ${holds};`, `let ${no} = ${condition} && !(${holds});`)
      this.inStep(s.then, yes)
      this.inStep(s.else, no)
    })
    this.run(run, [], condition)
  }

  /** Statements that bring nothing. What `after` needs of them stands outside the condition. */
  private run(body: readonly Stmt[], after: readonly Stmt[], condition: string): void {
    const { lines, values } = this
    const needed = new Set([...readIn(after), ...updatedIn(after).keys()])
    const outside = new Set<Stmt>()
    const isFree = (x: Operand): boolean =>
      x.kind === "number" || !this.inside.has(x.id) || this.free.has(x.id)
    for (const s of body) if (s.kind === "let" && s.args.every(isFree)) this.free.add(s.id)
    for (const s of body.toReversed()) {
      if (s.kind !== "let" && s.kind !== "load" && s.kind !== "acc") continue
      if (!needed.has(s.id)) continue
      if (s.kind === "acc" ? isFree(s.initial) : this.free.has(s.id)) {
        outside.add(s)
        if (s.kind === "let") for (const x of s.args) if (x.kind === "value") needed.add(x.id)
      } else this.declared.add(s.id)
    }
    for (const s of body) {
      if (outside.has(s)) this.statement(s)
      else if ("id" in s && this.declared.has(s.id)) {
        const { name, type } = values.value(s.id)
        lines.add(`var ${name}: ${wgslTypes[type]};`)
      }
    }
    const rest = body.filter((s) => !outside.has(s))
    if (rest.length === 0) return
    lines.open(`if (${condition}) {`)
    this.block(rest)
    lines.close("}")
  }

  override statement(s: Stmt): void {
    const brought = s.kind === "load" ? this.brought.get(s.id) : undefined
    if (s.kind === "load" && brought) return this.define(s.id, brought)
    if (s.kind === "acc" && this.declared.has(s.id)) {
      const { name, type } = this.values.value(s.id)
      return this.lines.add(`${name} = ${this.values.operand(s.initial, type)};`)
    }
    super.statement(s)
  }

  override define(id: number, text: string): void {
    if (this.declared.has(id)) this.lines.add(`${this.values.value(id).name} = ${text};`)
    else super.define(id, text)
  }

  override loop(s: Loop, from: string, to: string): void {
    super.loop(s, ...(this.bounds.get(s) ?? ([from, to] as const)))
  }

  /** Chunk by chunk, each brought by all threads before those go along it whose condition holds. */
  protected override steps(s: Loop, from: string, to: string, increment: string): void {
    const strip = this.strips.get(s)
    if (!strip) return super.steps(s, from, to, increment)
    const { lines, condition } = this
    const [start, end] = [this.fresh("from"), this.fresh("to")]
    lines.open(`for (var ${start}: i32 = ${from}; ${start} < ${to}; ${start} += ${strip.width}) {`)
    lines.add(`let ${end} = min(${start} + ${strip.width}, ${to});`)
    this.bring(s, strip, start, end)
    const at = `lane() * ${pitchOf(strip)} + ${this.values.value(s.id).name} - ${start}`
    strip.reads.forEach(({ load }, k) =>
      this.brought.set(load.id, `strip[${k * wordsOf(strip, this.size)} + ${at}]`),
    )
    lines.open(`if (${condition}) {`)
    super.steps(s, start, end, increment)
    lines.close("}")
    lines.close("}")
  }

  /** Fills the strips. As many threads side by side as there are elements of a row, up to a power of two, read one row. */
  private bring(along: Loop, strip: Strip, start: string, end: string): void {
    const { lines, values, size, across } = this
    const [bits, at, row, element] = ["bits", "at", "row", "element"].map((name) => this.fresh(name))
    lines.add("workgroupBarrier();")
    lines.add(`let ${bits} = 32u - countLeadingZeros(u32(${end} - ${start} - 1));`)
    lines.open(`for (var ${at}: i32 = lane(); ${at} < (${size} << ${bits}); ${at} += ${size}) {`)
    lines.add(`let ${row} = ${at} >> ${bits};`, `let ${element} = ${at} - (${row} << ${bits});`)
    const own = new ThreadCode(lines, values, this.memory, this.names)
    own.define(across.id, `${this.first} + ${row}`)
    own.define(along.id, `${start} + ${element}`)
    const [i, k] = [across, along].map(({ id }) => values.name(id))
    lines.open(`if (${i} < ${this.bounds.get(across)![1]} && ${k} < ${end}) {`)
    const known = new Set<number>()
    strip.reads.forEach(({ load, place }, n) => {
      for (const s of place) {
        if (!known.has(s.id)) own.statement(s)
        known.add(s.id)
      }
      const offset = n * wordsOf(strip, size)
      const value = values.load(this.place(load.buffer), own.int(load.at), "real")
      lines.add(`strip[${offset} + ${row} * ${pitchOf(strip)} + ${element}] = ${value};`)
    })
    lines.close("}")
    lines.close("}")
    lines.add("workgroupBarrier();")
  }
}
