// Loops -> WGSL statements that all threads of a workgroup run together.
//
// Values outside the inner loops are the same in every thread. Loops whose iterations may run at once are dealt out to the
// threads, and what they add up is combined in a tree. One thread alone stores what is no such loop. Between two accesses to an
// element by different threads stands a barrier; control flow around barriers must be uniform for the compiler of the shader, so
// conditions that it cannot know to be the same in every thread are read from one of them.
import type { Buffer, Operand, Stmt } from "../loops.ts"
import { type Loop } from "../unroll/facts.ts"
import { combinable } from "../unroll/outside.ts"
import { forEachStatement } from "../walk.ts"
import { type Strip, stripsIn } from "../gpu/strips.ts"
import { Lines } from "./text.ts"
import { StripCode } from "./wgsl-strips.ts"
import { ThreadCode } from "./wgsl-threads.ts"
import { type Memory, type WgslValues, identity, updated, wgslTypes } from "./wgsl-values.ts"

/** Who touches an array between two barriers: the first thread, all threads alike, or each its own elements. */
interface Access {
  readonly buffer: Buffer
  readonly writes: boolean
  readonly by: "first" | "all" | "each"
}

const collide = (x: Access, y: Access): boolean =>
  x.buffer === y.buffer && (x.writes || y.writes) && !(x.by === "first" && y.by === "first")

/** Statements of a workgroup. */
export class WorkgroupCode {
  private lines: Lines
  private readonly values: WgslValues
  private readonly memory: Memory
  /** Whether every thread of a loop that is dealt out has an array of its own there. */
  private readonly isOwn: (buffer: Buffer) => boolean
  private readonly size: number
  private readonly strips: ReadonlyMap<Loop, Strip>
  private threads: ThreadCode
  /** What was touched since the last barrier. */
  private pending: Access[] = []
  /** Barriers written so far. */
  private barriers = 0
  private readonly uniform = new Set<number>()

  constructor(
    lines: Lines,
    values: WgslValues,
    memory: Memory,
    isOwn: (buffer: Buffer) => boolean,
    size: number,
    strips: ReadonlyMap<Loop, Strip>,
  ) {
    this.lines = lines
    this.values = values
    this.memory = memory
    this.isOwn = isOwn
    this.size = size
    this.strips = strips
    this.threads = new ThreadCode(lines, values, memory)
  }

  block(body: readonly Stmt[]): void {
    for (const s of body) this.statement(s)
  }

  statement(s: Stmt): void {
    switch (s.kind) {
      case "let":
        if (s.args.every((x) => this.isUniform(x))) this.uniform.add(s.id)
        return this.threads.statement(s)
      case "load":
        this.touch([{ buffer: s.buffer, writes: false, by: "all" }])
        if (this.memory.place(s.buffer).kind !== "arena" && s.buffer.kind === "input" && this.isUniform(s.at))
          this.uniform.add(s.id)
        return this.threads.statement(s)
      case "acc":
      case "update":
        return this.threads.statement(s)
      case "store":
        this.touch([{ buffer: s.buffer, writes: true, by: "first" }])
        return this.first(() => this.threads.store(s))
      case "fill":
        this.touch([{ buffer: s.buffer, writes: true, by: "each" }])
        return this.threads.fill(s, "lane()", this.threads.int(s.length), String(this.size))
      case "sort":
        this.touch([
          { buffer: s.keys, writes: false, by: "each" },
          { buffer: s.index, writes: true, by: "each" },
        ])
        return this.threads.sort(s, "lane()", String(this.size))
      case "for":
        return s.apart ? this.dealt(s) : this.together(s)
      case "if":
        return this.branch(s)
      case "result":
        throw new Error("a result stands outside loops")
    }
  }

  /** What the first thread alone does. */
  first(inside: () => void): void {
    this.lines.open("if (lane() == 0) {")
    inside()
    this.lines.close("}")
  }

  /** Iterations dealt out to the threads. */
  private dealt(s: Loop): void {
    const { lines, values } = this
    this.touch(accessesIn(s.body, "each").filter(({ buffer }) => !this.isOwn(buffer)))
    const combined = combinable(s.body)
    const parts = new Map([...combined.keys()].map((acc) => [acc, this.threads.fresh("part")]))
    for (const [acc, part] of parts) {
      const { type } = values.value(acc)
      lines.add(`var ${part}: ${wgslTypes[type]} = ${identity(combined.get(acc)!, type)};`)
    }
    values.rename(parts, () => (stripsIn(s.body, this.strips).length > 0 ? this.inStep(s) : this.each(s)))
    for (const [acc, part] of parts) {
      const op = combined.get(acc)!
      lines.add(updated(values.name(acc), op, this.tree(op, part, acc), values.value(acc).type))
    }
  }

  /** Iterations that threads take each at its own pace. */
  private each(s: Loop): void {
    const { name } = this.values.value(s.id)
    const [from, to] = [this.threads.int(s.from), this.threads.int(s.to)]
    const step = s.step?.kind === "number" ? s.step.value : 1
    const first = step === 1 ? "lane()" : `lane() * ${step}`
    this.lines.open(
      `for (var ${name}: i32 = ${from} + ${first}; ${name} < ${to}; ${name} += ${this.size * step}) {`,
    )
    this.threads.block(s.body)
    this.lines.close("}")
  }

  /** Iterations whose threads share strips. */
  private inStep(s: Loop): void {
    const loops = [s, ...stripsIn(s.body, this.strips).map(([along]) => along)]
    const bounds = new Map(loops.map((x) => [x, [this.same(x.from, "int"), this.same(x.to, "int")] as const]))
    this.barriers++
    new StripCode(this.threads, s, this.strips, bounds, this.size).all()
  }

  /** The value of all threads combined. */
  tree(op: "add" | "mul" | "max" | "min", part: string, acc: number): string {
    const { type } = this.values.value(acc)
    const f = `tree_${op}_${wgslTypes[type]}`
    this.values.uses.add(f)
    this.barriers++
    return `${f}(${part})`
  }

  /** A loop that all threads run in step. */
  private together(s: Loop): void {
    const { lines, values } = this
    const before = [...this.pending]
    const { name } = values.value(s.id)
    this.uniform.add(s.id)
    const [inside, barriers] = this.apart(() => {
      this.block(s.body)
      // The next iteration may touch what this one did.
      const own = accessesOf(s.body).filter(({ buffer }) => !this.isOwn(buffer))
      if (this.pending.some((x) => own.some((y) => collide(x, y)))) this.barrier()
    })
    const end = this.pending
    this.pending = [...before, ...end]
    const bound = (x: Operand): string => (barriers > 0 ? this.same(x, "int") : values.operand(x, "int"))
    const [from, to] = [bound(s.from), bound(s.to)]
    const step = s.step ? bound(s.step) : "1"
    lines.open(`for (var ${name}: i32 = ${from}; ${name} < ${to}; ${name} += ${step}) {`)
    lines.add(...inside)
    lines.close("}")
  }

  private branch(s: Extract<Stmt, { kind: "if" }>): void {
    const before = [...this.pending]
    const [yes, inYes] = this.apart(() => this.block(s.then))
    const afterYes = this.pending
    this.pending = [...before]
    const [no, inNo] = this.apart(() => this.block(s.else))
    this.pending = [...new Set([...afterYes, ...this.pending])]
    const { lines, values } = this
    const condition = inYes + inNo > 0 ? this.same(s.condition, "bool") : values.operand(s.condition, "bool")
    lines.open(`if (${condition}) {`)
    lines.add(...yes)
    if (no.length > 0) {
      lines.reopen("} else {")
      lines.add(...no)
    }
    lines.close("}")
  }

  /** Runs `inside`, which writes lines that are not placed yet; says how many barriers are among them. */
  private apart(inside: () => void): [readonly string[], number] {
    const { lines, threads, barriers } = this
    this.lines = new Lines()
    this.threads = threads.on(this.lines)
    inside()
    const made = this.lines.list
    const count = this.barriers - barriers
    this.lines = lines
    this.threads = threads
    return [made, count]
  }

  /** An operand by which control flow around barriers may go. */
  same(x: Operand, type: "int" | "bool"): string {
    const text = this.values.operand(x, type)
    if (this.isUniform(x)) return text
    const f = `same_${wgslTypes[type]}`
    this.values.uses.add(f)
    this.barriers++
    const name = this.threads.fresh("same")
    this.lines.add(`let ${name} = ${f}(${text});`)
    return name
  }

  /** Declares values the same in all threads as the compiler of the shader can see. */
  know(ids: Iterable<number>): void {
    for (const id of ids) this.uniform.add(id)
  }

  isUniform(x: Operand): boolean {
    if (x.kind === "number") return true
    const { kind } = this.values.value(x.id)
    return kind === "size" || kind === "scalar" || this.uniform.has(x.id)
  }

  /** Waits where what comes next may meet what was touched since the last barrier. */
  private touch(list: readonly Access[]): void {
    const shared = list.filter(({ buffer }) => buffer.kind !== "input")
    if (this.pending.some((x) => shared.some((y) => collide(x, y)))) this.barrier()
    this.pending.push(...shared)
  }

  private barrier(): void {
    this.lines.add("storageBarrier();")
    this.barriers++
    this.pending = []
  }

  /** A barrier where rows that follow may touch what these did. */
  finish(body: readonly Stmt[]): void {
    const own = accessesOf(body).filter(({ buffer }) => buffer.kind !== "input" && !this.isOwn(buffer))
    if (this.pending.some((x) => own.some((y) => collide(x, y)))) this.barrier()
  }
}

/** What statements that are dealt out touch. */
function accessesIn(body: readonly Stmt[], by: Access["by"]): Access[] {
  const out: Access[] = []
  forEachStatement(body, (s) => {
    if (s.kind === "load") out.push({ buffer: s.buffer, writes: false, by })
    if (s.kind === "store" && s.accumulate) out.push({ buffer: s.buffer, writes: false, by })
    if (s.kind === "store" || s.kind === "fill") out.push({ buffer: s.buffer, writes: true, by })
    if (s.kind === "sort")
      out.push({ buffer: s.keys, writes: false, by }, { buffer: s.index, writes: true, by })
  })
  return out
}

/** What statements of a workgroup touch, each in its way. */
function accessesOf(body: readonly Stmt[]): Access[] {
  return body.flatMap((s): Access[] => {
    if (s.kind === "for") return s.apart ? accessesIn(s.body, "each") : accessesOf(s.body)
    if (s.kind === "if") return [...accessesOf(s.then), ...accessesOf(s.else)]
    return accessesIn([s], s.kind === "store" ? "first" : s.kind === "load" ? "all" : "each")
  })
}
